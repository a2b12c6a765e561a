import { expect, test, type Page } from '@playwright/test';
import { visit } from '../support/people';
import { PLACES, Town, open, type PlaceName } from '../support/places';

/** Closes every element in which a text may stand, and opens one of its own. */
const MARK = `</title></textarea></script><b id=x>"'`;

/** The addresses of which a part comes from the address bar alone. */
const ADDRESSES = ['/login/:', '/login?account=:', '/login?problem=:', '/a/:', '/a/:/settings/users', '/invitation/:', '/i/:', '/s/:', '/:'];

/** Places that only a form which was sent leads to: looked at in a browser with scripting off, the others as they are served. */
const AFTER_A_FORM: PlaceName[] = ['sign-in-refused', 'new-user-refused', 'login-method-refused', 'sign-up-refused'];

let calm: Town;
let marked: Town;
/** A page of nobody's, in which what was served is read as a browser without scripting reads it. */
let reader: Page;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(300_000);
  calm = await Town.build(browser);
  marked = await Town.build(browser, MARK);
  reader = await browser.newPage();
});

test.beforeEach(() => test.setTimeout(600_000));
test.afterEach(() => marked.expectNoFaults());
test.afterAll(async () => {
  await reader?.close();
  await calm?.close();
  await marked?.close();
});

/** What a text could change in a page. */
interface Markup {
  /** How many elements of each kind there are. */
  elements: Record<string, number>;
  /** Elements that a text made. */
  made: number;
  /** Elements that lead away from the page by themselves. */
  leading: number;
  titles: number;
  /** Whether a text with the mark is there to be read. */
  marked: boolean;
  /** Where forms are sent. */
  actions: string[];
}

/** Runs in a page: what is in it, or in `served` as it looks with scripting off, where the content of `noscript` is elements. */
function markup(served?: string): Markup {
  const page = served === undefined ? document : new DOMParser().parseFromString(served, 'text/html');
  const elements: Record<string, number> = {};
  for (const { localName } of page.querySelectorAll('*')) elements[localName] = (elements[localName] ?? 0) + 1;
  const count = (selector: string) => page.querySelectorAll(selector).length;
  const actions = [...page.querySelectorAll('form')].map((form) => form.getAttribute('action') ?? '');
  return { elements, made: count('#x'), leading: count('meta[http-equiv]'), titles: count('title'), marked: !!page.body.textContent?.includes('<b id=x>'), actions };
}

/** Nothing in the page was made by a text, and nothing in it leads away by itself. */
function expectNoMarkup({ made, leading, titles, actions }: Markup, base: string, name: string): void {
  expect.soft(made, `${name}: an element was made by a text`).toBe(0);
  expect.soft(leading, `${name}: the page leads away`).toBe(0);
  expect.soft(titles, `${name}: one title`).toBe(1);
  for (const action of actions) expect.soft(new URL(action, base).origin, `${name}: a foreign form`).toBe(new URL(base).origin);
}

/** An address as the server sends it to somebody's browser, without a script having run. */
async function served(page: Page, address: string): Promise<{ markup: Markup; base: string }> {
  const answer = await page.request.get(address, { headers: { Accept: 'text/html' } });
  return { markup: await reader.evaluate(markup, await answer.text()), base: answer.url() };
}

/** What a page has become by now. Its title is set anew when the WebAssembly takes over. */
async function shown(page: Page): Promise<{ markup: Markup; base: string }> {
  await page.locator('title').waitFor({ state: 'attached' });
  return { markup: await page.evaluate(markup, undefined), base: page.url() };
}

/** A place with scripting off. */
async function plain(town: Town, name: PlaceName): Promise<{ markup: Markup; base: string }> {
  const place = town.places[name];
  if (!AFTER_A_FORM.includes(name)) return served(place.page, place.address);
  return shown(await open({ ...place, page: await town.withoutScripting(place) }));
}

/** A place with scripting on. */
async function live(town: Town, name: PlaceName): Promise<{ markup: Markup; base: string }> {
  return shown(await open(town.places[name]));
}

for (const [scripting, look] of [['on', live], ['off', plain]] as const) {
  test(`in_13_no_text_becomes_an_element_on_any_page_with_scripting_${scripting}`, async () => {
    let read = 0;
    for (const name of PLACES) {
      await test.step(name, async () => {
        const there = await look(calm, name);
        const here = await look(marked, name);
        expectNoMarkup(here.markup, here.base, name);
        expect.soft(here.markup.elements, `${name}: the same elements as without the mark`).toEqual(there.markup.elements);
        if (here.markup.marked) read += 1;
      });
    }
    expect(read, 'places where the mark can be read').toBeGreaterThan(PLACES.length / 2);
  });
}

test('in_13_nothing_in_the_address_bar_becomes_an_element', async () => {
  for (const name of ['sign-in', 'users'] as const) {
    const { page } = marked.places[name];
    for (const address of ADDRESSES) {
      const filled = address.replace(':', encodeURIComponent(MARK));
      await visit(page, filled);
      const live = await shown(page);
      expectNoMarkup(live.markup, live.base, address);
      const plain = await served(page, filled);
      expectNoMarkup(plain.markup, plain.base, `${address} with scripting off`);
    }
  }
});
