import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { People } from '../support/people';
import { Roster } from '../support/roster';

const GUIDE = '/guide/login-methods';

let roster: Roster;
let people: People;

test.beforeAll(async ({ browser }) => {
  roster = await Roster.start();
  people = new People(browser, roster);
});

test.afterEach(() => people.expectNoFaults());

test.afterAll(async () => {
  await people?.close();
  await roster?.stop();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const locale of ['en-GB', 'de-DE']) {
    test(`axe finds nothing in the guide, and nothing hangs over its side, ${colorScheme}, ${locale}`, async () => {
      const page = await people.newcomer({ colorScheme, locale });
      for (const width of [320, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        await page.goto(GUIDE);
        await expect(page.locator('html')).toHaveAttribute('lang', locale.slice(0, 2));
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect.soft(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' '))}`)).toEqual([]);
        const overhang = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect.soft(overhang, `${width}: pixels over the side`).toBeLessThanOrEqual(0);
      }
    });
  }
}

test('the guide is read without scripting, from its contents and in the other language', async () => {
  const page = await people.newcomer({ javaScriptEnabled: false });
  await page.goto(`${GUIDE}#grant`);
  await expect(page.getByRole('heading', { name: 'grant', exact: true })).toBeInViewport();
  await page.getByRole('navigation', { name: 'Contents' }).getByRole('link', { name: 'Keycloak' }).click();
  await expect(page.getByRole('heading', { name: 'Keycloak' })).toBeInViewport();
  await page.getByRole('link', { name: 'Deutsch' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Anmeldemethoden: die Anleitung zum Einrichten');
  await page.getByRole('navigation', { name: 'Inhalt' }).getByRole('link', { name: 'Für Betreiber' }).click();
  await expect(page.getByRole('heading', { name: 'Für Betreiber' })).toBeInViewport();
});
