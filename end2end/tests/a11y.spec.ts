import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { PLACES, Town, open } from '../support/places';

let town: Town;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(180_000);
  town = await Town.build(browser);
});

test.beforeEach(() => test.setTimeout(300_000));
test.afterEach(() => town.expectNoFaults());
test.afterAll(() => town?.close());

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [375, 1280]) {
    test(`axe finds nothing on any page, ${colorScheme}, ${width} px`, async () => {
      for (const name of PLACES) {
        await test.step(name, async () => {
          const place = town.places[name];
          await place.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          await place.page.setViewportSize({ width, height: 800 });
          const axe = new AxeBuilder({ page: await open(place) });
          // Not among the rules that axe runs by itself: what is seen is what can be spoken (WCAG 2.5.3).
          const { violations } = await axe.options({ rules: { 'label-content-name-mismatch': { enabled: true } } }).analyze();
          const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id} at ${node.target.join(' ')}: ${node.failureSummary}`));
          expect.soft(found, name).toEqual([]);
        });
      }
    });
  }
}

test('nothing hangs over the side of any page at 320 px', async () => {
  for (const name of PLACES) {
    await test.step(name, async () => {
      const place = town.places[name];
      await place.page.setViewportSize({ width: 320, height: 800 });
      const page = await open(place);
      const overhang = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect.soft(overhang, `${name}: pixels over the side`).toBeLessThanOrEqual(0);
    });
  }
});
