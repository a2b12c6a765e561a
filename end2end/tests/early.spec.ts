import { expect, test, type Page } from '@playwright/test';
import { People, live, visit } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { PASSWORD, invite, line, menu, password, setUp, signIn } from '../support/steps';

// What somebody does on a page while its WebAssembly is still on the way.

const [ana, ben, cara, dan] = [person('Ana'), person('Ben'), person('Cara'), person('Dan')];
const USERS = '/a/acme/settings/users';
/** Milliseconds that the WebAssembly takes. */
const LATE = 4_000;

let roster: Roster;
let people: People;
let owner: Page;
let bensLink: string;

test.beforeAll(async ({ browser }) => {
  roster = await Roster.start({ mail: true });
  people = new People(browser, roster);
  owner = await people.newcomer();
  await setUp(owner, roster.setUpLink, ana, 'Acme');
  await invite(owner, ben.email, { role: 'Editor' });
  bensLink = (await roster.mail.to(ben.email)).link;
  await visit(owner, USERS);
  await invite(owner, cara.email, { role: 'Viewer' });
  await roster.mail.to(cara.email);
});

test.afterEach(() => people.expectNoFaults());

test.afterAll(async () => {
  await people?.close();
  await roster?.stop();
});

/** Makes the WebAssembly come late to this page. */
async function late(page: Page): Promise<Page> {
  await page.route('**/roster.wasm', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, LATE));
    await route.continue();
  });
  return page;
}

/** The owner in a further window, where the WebAssembly comes late. */
async function ownersWindow(): Promise<Page> {
  return late(await owner.context().newPage());
}

/** Has the page not been taken over yet? */
async function expectNotYetLive(page: Page): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.hasAttribute('data-hydrated'))).toBe(false);
}

test('a search and a role that were chosen early are kept, and the list follows', async () => {
  const page = await ownersWindow();
  await page.goto(USERS);
  await page.getByRole('searchbox').fill('ben@');
  await page.getByLabel(/^Role/).selectOption('editor');
  await expectNotYetLive(page);
  await live(page);
  await expect(page.getByRole('searchbox')).toHaveValue('ben@');
  await expect(page.getByLabel(/^Role/)).toHaveValue('editor');
  await expect(line(page, cara)).toBeHidden();
  await expect(line(page, ben)).toBeVisible();
  await expect(page).toHaveURL(`${roster.url}${USERS}?q=ben%40&role=editor`);
  await page.close();
});

test('a search that is sent early is answered by the server', async () => {
  const page = await ownersWindow();
  await page.goto(USERS);
  await page.getByRole('searchbox').fill('ben@');
  await page.getByRole('searchbox').press('Enter');
  await expect(line(page, cara)).toBeHidden();
  await expect(line(page, ben)).toBeVisible();
  await expectNotYetLive(page);
  await page.close();
});

test('what is only of use when the page is live is not shown or disabled before, and what is shown works', async () => {
  const page = await ownersWindow();
  await page.goto(USERS);
  const shortcut = page.getByRole('checkbox', { name: 'Keyboard shortcut' });
  await expect(shortcut).toBeDisabled();
  await (await menu(page, ben)).getByRole('button', { name: /^Copy link/ }).click();
  await expect(page.getByLabel('Link', { exact: true })).toHaveValue(/\/i\/[\w-]+$/);
  await expect(page.getByRole('button', { name: 'Copy', exact: true })).toBeHidden();
  await expectNotYetLive(page);
  await live(page);
  await expect(shortcut).toBeEnabled();
  await expect(page.getByLabel('Link', { exact: true })).toHaveValue(/\/i\/[\w-]+$/);
  await page.close();
});

test('an invitation that was begun early goes on', async () => {
  const page = await ownersWindow();
  await page.goto(`${USERS}/new`);
  await page.getByLabel('User email address').fill(dan.email);
  await page.getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Analyst' });
  await expectNotYetLive(page);
  await live(page);
  await expect(page.getByLabel('User email address')).toHaveValue(dan.email);
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await expect(line(page, dan)).toContainText('Analyst');
  await page.close();
});

test('a sign-in that was begun early goes on', async () => {
  const page = await late(await people.newcomer());
  await page.goto('/login');
  await page.getByLabel('Email address').fill(ana.email);
  await password(page).fill(PASSWORD);
  await expectNotYetLive(page);
  await live(page);
  await expect(page.getByLabel('Email address')).toHaveValue(ana.email);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page).toHaveURL(`${roster.url}/a/acme`);
});

test('a sign-in is sent early', async () => {
  const page = await late(await people.newcomer());
  await page.goto('/login');
  await signIn(page, ana);
  await expect(page).toHaveURL(`${roster.url}/a/acme`);
  await expectNotYetLive(page);
});

test('a sign-up that was begun early goes on', async () => {
  const page = await late(await people.newcomer());
  await page.goto(bensLink);
  await page.getByLabel('Your name').fill(ben.name);
  await password(page).fill(PASSWORD);
  await expectNotYetLive(page);
  await live(page);
  await expect(page.getByLabel('Your name')).toHaveValue(ben.name);
  await page.getByRole('button', { name: 'Create login and join' }).click();
  await expect(page).toHaveURL(`${roster.url}/a/acme`);
});

test('without the WebAssembly the filters have a button', async () => {
  const page = await owner.context().newPage();
  await page.route('**/roster.wasm', (route) => route.fulfill({ status: 404, body: '' }));
  await page.goto(USERS);
  await page.getByLabel(/^Role/).selectOption('editor');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(line(page, cara)).toBeHidden();
  await expect(line(page, ben)).toBeVisible();
  await page.close();
});
