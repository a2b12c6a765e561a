import { expect, test } from '@playwright/test';
import path from 'node:path';
import { PLACES, Town, open } from './support/places';

let town: Town;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(180_000);
  town = await Town.build(browser);
});

test.afterAll(() => town?.close());

for (const name of PLACES) {
  test(name, async () => {
    const place = town.places[name];
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [375, 1280, 1920]) {
        await place.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await place.page.setViewportSize({ width, height: width < 500 ? 812 : 800 });
        const page = await open(place);
        await expect(page.getByRole('main').first()).toBeVisible();
        const file = path.join(__dirname, 'screenshots', `${name}-${colorScheme}-${width}.png`);
        // A modal dialog covers the window, not the page.
        const fullPage = (await page.getByRole('dialog').count()) === 0;
        await page.screenshot({ path: file, fullPage });
      }
    }
  });
}
