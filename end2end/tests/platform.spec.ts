import { expect, test, type Page } from '@playwright/test';
import { People, visit } from '../support/people';
import { person } from '../support/person';
import { Platform } from '../support/platform';
import { Roster } from '../support/roster';
import { PASSWORD, invite, line, password, setUp, signIn } from '../support/steps';

const ana = person('Ana');
const ben = person('Ben');

let roster: Roster;
let platform: Platform;
let people: People;
let owner: Page;
let bens: Page;

test.beforeAll(async ({ browser }) => {
  roster = await Roster.start();
  platform = await Platform.registeredAt(roster);
  people = new People(browser, roster, [platform]);
  owner = await people.newcomer();
  await setUp(owner, roster.setUpLink, ana, 'Acme');
});

test.afterEach(() => people.expectNoFaults());

test.afterAll(async () => {
  await people?.close();
  await platform?.stop();
  await roster?.stop();
});

test('op_08_somebody_invited_comes_to_the_platform_first_and_is_in_it_after_joining', async () => {
  await invite(owner, ben.email, { role: 'Editor' });
  bens = await people.newcomer();
  await bens.goto(`${platform.url}/sign-in`);
  await expect(bens).toHaveURL(/\/login\?next=/);
  await visit(bens, (await roster.mail.to(ben.email)).link);
  await bens.getByLabel('Your name').fill(ben.name);
  await password(bens).fill(PASSWORD);
  await bens.getByRole('button', { name: 'Create login and join' }).click();
  await expect(bens).toHaveURL(`${platform.url}/`);
  await expect(bens.locator('body')).toHaveText(`${ben.email} is editor`);
});

for (const javaScriptEnabled of [true, false]) {
  test(`op_08_signing_in_leads_on_to_the_platform ${javaScriptEnabled ? 'with' : 'without'} scripting`, async () => {
    const page = await people.newcomer({ javaScriptEnabled });
    await visit(page, `${platform.url}/sign-in`);
    await expect(page).toHaveURL(/\/login\?next=/);
    await signIn(page, ana);
    await expect(page).toHaveURL(`${platform.url}/`);
    await expect(page.locator('body')).toHaveText(`${ana.email} is owner`);
  });
}

test('op_06_the_next_click_of_somebody_removed_is_refused', async () => {
  await bens.goto(`${platform.url}/sign-in`);
  await expect(bens.locator('body')).toHaveText(`${ben.email} is editor`);
  await visit(owner, '/a/acme/settings/users');
  await line(owner, ben).getByRole('link', { name: /^Remove/ }).click();
  await owner.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
  await expect(line(owner, ben)).toBeHidden();
  await bens.reload();
  await expect(bens.locator('body')).toHaveText('nobody');
  await bens.goto(`${platform.url}/sign-in`);
  await expect(bens.getByRole('heading', { name: 'No access' })).toBeVisible();
});
