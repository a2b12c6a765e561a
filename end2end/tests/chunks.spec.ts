import { expect, test, type Page } from '@playwright/test';
import { People, live, visit } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { invite, line, setUp, signIn } from '../support/steps';

const [ana, ben, cara] = [person('Ana'), person('Ben'), person('Cara')];
const USERS = '/a/acme/settings/users';

let roster: Roster;
let people: People;

test.beforeAll(async ({ browser }) => {
  roster = await Roster.start({ mail: true });
  people = new People(browser, roster);
  await setUp(await people.newcomer(), roster.setUpLink, ana, 'Acme');
});

test.afterEach(() => people.expectNoFaults());

test.afterAll(async () => {
  await people?.close();
  await roster?.stop();
});

/** Ana in a browser of her own, on the Users list. */
async function anaOnUsers(): Promise<Page> {
  const page = await people.newcomer();
  await visit(page, `/login?next=${encodeURIComponent(USERS)}`);
  await signIn(page, ana);
  await expect(page).toHaveURL(roster.url + USERS);
  await live(page);
  return page;
}

/** From now on, this chunk cannot be had in this browser. */
async function withoutChunk(page: Page, name: string): Promise<void> {
  await page.context().route(`**/split_${name}.wasm`, (route) => route.fulfill({ status: 404, body: '' }));
}

test('files are named by their build and kept for a year', async ({ request }) => {
  const html = await (await request.get(`${roster.url}/login`)).text();
  const folder = html.match(/href="(\/pkg\/[\w-]+)\/roster\.css"/)?.[1] ?? '';
  for (const file of ['roster.js', 'roster.wasm', 'roster.css']) {
    const answer = await request.get(`${roster.url}${folder}/${file}`);
    expect(answer.status(), file).toBe(200);
    expect(answer.headers()['cache-control'], file).toBe('public, max-age=31536000, immutable');
  }
  // A page of another build, as while instances are updated: a style sheet is better than none, scripts would not fit together.
  expect((await request.get(`${roster.url}/pkg/of-another-build/roster.js`)).status()).toBe(404);
  const style = await request.get(`${roster.url}/pkg/of-another-build/roster.css`);
  expect([style.status(), style.headers()['cache-control']]).toEqual([200, 'no-cache']);
});

test('a page names its chunks in its head, each once', async ({ request }) => {
  for (let n = 0; n < 10; n++) {
    const html = await (await request.get(`${roster.url}/setup`)).text();
    const links = html.match(/<link [^>]*rel="later"[^>]*>/g) ?? [];
    const named = links.map((link) => link.match(/href="([^"]+)"/)?.[1] ?? '');
    expect(named.filter((file) => file.endsWith('/split_joining.wasm'))).toHaveLength(1);
    expect(new Set(named).size).toBe(named.length);
  }
});

test('pages and answers are compressed', async ({ request }) => {
  const headers = { 'Accept-Encoding': 'gzip', 'Sec-Fetch-Site': 'same-origin' };
  const page = await request.get(`${roster.url}/login`, { headers });
  const answer = await request.post(`${roster.url}/api/session/sign-in-options`, { form: { account: 'acme' }, headers });
  for (const { headers } of [page, answer].map((answer) => ({ headers: answer.headers() }))) {
    expect(headers['content-encoding']).toBe('gzip');
    expect(headers['vary']).toContain('accept-encoding');
  }
});

test('a chunk is fetched as soon as somebody points at its link', async () => {
  const page = await anaOnUsers();
  const asked = page.waitForRequest(/split_account\.wasm$/);
  await page.getByRole('link', { name: 'Outbox' }).hover();
  await asked;
});

test('a chunk that is missing on the way to a page leads to the whole page, which works', async () => {
  const page = await anaOnUsers();
  await withoutChunk(page, 'user_dialogs');
  await page.evaluate(() => Object.assign(window, { isSamePage: true }));
  const dialog = await invite(page, ben.email, { role: 'Editor' });
  await expect(dialog).toBeHidden();
  expect(await page.evaluate(() => 'isSamePage' in window)).toBe(false);
  await expect(line(page, ben)).toBeVisible();
});

test('a page whose chunk is missing keeps what was typed, and its links and forms work', async () => {
  const page = await anaOnUsers();
  await withoutChunk(page, 'user_dialogs');
  const missed = page.waitForResponse(/split_user_dialogs\.wasm$/);
  await page.goto(`${roster.url}${USERS}/new`);
  await page.getByLabel('User email address').fill(cara.email);
  await missed;
  await expect(page.getByLabel('User email address')).toHaveValue(cara.email);
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await expect(line(page, cara)).toBeVisible();
  await page.goto(`${roster.url}${USERS}/new`);
  await page.getByRole('link', { name: 'Outbox' }).click();
  await expect(page.getByRole('heading', { name: 'Outbox' })).toBeVisible();
});
