import { expect, test, type Page } from '@playwright/test';
import { visit } from '../support/people';
import { PLACES, Town, open, type Place, type PlaceName } from '../support/places';

/** Closes every element in which a text may stand, and opens one of its own. */
const MARK = `</title></textarea></script><b id=x>"'`;

/** The addresses of which a part comes from the address bar alone. */
const ADDRESSES = ['/login/:', '/login?account=:', '/login?problem=:', '/a/:', '/a/:/settings/users', '/invitation/:', '/i/:', '/s/:', '/:'];

/** What can be done with scripting off before a place is looked at. */
const PLAIN_FORMS: PlaceName[] = ['sign-in-refused', 'new-user-refused', 'login-method-refused', 'sign-up-refused'];

let calm: Town;
let marked: Town;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(300_000);
  calm = await Town.build(browser);
  marked = await Town.build(browser, MARK);
});

test.beforeEach(() => test.setTimeout(600_000));
test.afterEach(() => marked.expectNoFaults());
test.afterAll(async () => {
  await calm?.close();
  await marked?.close();
});

/** How many elements of each kind a page has. */
async function elements(page: Page): Promise<Record<string, number>> {
  return page.evaluate(() => {
    const count: Record<string, number> = {};
    for (const { localName } of document.querySelectorAll('*')) count[localName] = (count[localName] ?? 0) + 1;
    return count;
  });
}

/** Nothing in the page was made by a text, and nothing in it leads away by itself. */
async function expectNoMarkup(page: Page, name: string): Promise<void> {
  await expect.soft(page.locator('#x'), `${name}: an element was made by a text`).toHaveCount(0);
  await expect.soft(page.locator('title'), `${name}: one title`).toHaveCount(1);
  await expect.soft(page.locator('meta[http-equiv]'), `${name}: the page leads away`).toHaveCount(0);
  const actions = await page.locator('form').evaluateAll((forms) => forms.map((form) => new URL((form as HTMLFormElement).getAttribute('action') ?? '', document.baseURI).origin));
  for (const origin of actions) expect.soft(origin, `${name}: a foreign form`).toBe(new URL(page.url()).origin);
}

for (const scripting of ['on'] as ('on' | 'off')[]) {
  test(`in_13_no_text_becomes_an_element_on_any_page_with_scripting_${scripting}`, async () => {
    const look = async (town: Town, name: PlaceName): Promise<Page> => {
      const place = town.places[name];
      if (scripting === 'on') return open(place);
      const then = PLAIN_FORMS.includes(name) ? place.then : undefined;
      return open({ ...place, page: await town.withoutScripting(place), then });
    };
    for (const name of PLACES) {
      await test.step(name, async () => {
        const [there, here] = [await look(calm, name), await look(marked, name)];
        await expectNoMarkup(here, name);
        expect.soft(await elements(here), `${name}: the same elements as without the mark`).toEqual(await elements(there));
      });
    }
  });

  test(`in_13_nothing_in_the_address_bar_becomes_an_element_with_scripting_${scripting}`, async () => {
    for (const name of ['sign-in', 'users'] as const) {
      const place: Place = marked.places[name];
      const page = scripting === 'on' ? place.page : await marked.withoutScripting(place);
      for (const address of ADDRESSES) {
        await visit(page, address.replace(':', encodeURIComponent(MARK)));
        await expectNoMarkup(page, address);
      }
    }
  });
}
