import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { PLACES, Town, open } from '../support/places';

let town: Town;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(180_000);
  town = await Town.build(browser);
});

test.afterEach(() => town.expectNoFaults());
test.afterAll(() => town?.close());

for (const name of PLACES) {
  test(`axe finds nothing and nothing hangs over the side: ${name}`, async () => {
    const place = town.places[name];
    const page = await open(place);
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [375, 1280]) {
        await test.step(`${colorScheme}, ${width} px`, async () => {
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          await page.setViewportSize({ width, height: 800 });
          const all = new AxeBuilder({ page });
          const axe =
            colorScheme === 'dark'
              ? // Nothing else is different in the dark.
                all.withRules(['color-contrast'])
              : // Not among the rules that axe runs by itself: what is seen is what can be spoken (WCAG 2.5.3).
                all.options({ rules: { 'label-content-name-mismatch': { enabled: true } } });
          const { violations } = await axe.analyze();
          const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id} at ${node.target.join(' ')}: ${node.failureSummary}`));
          expect.soft(found, `${colorScheme}, ${width} px`).toEqual([]);
        });
      }
    }
    await page.setViewportSize({ width: 320, height: 800 });
    const overhang = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    await expect.poll(overhang, 'pixels over the side at 320 px').toBeLessThanOrEqual(0);
  });
}
