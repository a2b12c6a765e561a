import { expect, test, type Page } from '@playwright/test';
import { People, visit, withoutReload } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { invite, setUp, signUp } from '../support/steps';

const [ana, ben] = ['Ana', 'Ben'].map(person);
const SETTINGS = '/a/acme/settings/account';

for (const scripting of [true, false]) {
  test.describe.serial(`Settings → Account, with scripting ${scripting ? 'on' : 'off'}`, () => account(scripting));
}

function account(scripting: boolean): void {
  let roster: Roster;
  let people: People;
  let owner: Page;
  let member: Page;

  test.beforeAll(async ({ browser }) => {
    roster = await Roster.start({ mail: true });
    people = new People(browser, roster, [], { javaScriptEnabled: scripting });
    owner = await people.newcomer();
    await setUp(owner, roster.setUpLink, ana, 'Acme', 'acme');
    await invite(owner, ben.email, { role: 'Owner' });
    member = await people.newcomer();
    await signUp(member, (await roster.mail.to(ben.email)).link, ben);
  });

  test.afterEach(() => people.expectNoFaults());

  test.afterAll(async () => {
    await people?.close();
    await roster?.stop();
  });

  test('r66_of_two_owners_who_change_the_account_the_second_is_told_and_loses_nothing', async () => {
    await visit(member, SETTINGS);
    await visit(owner, '/a/acme');
    await withoutReload(owner, async () => {
      await owner.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: 'Account', exact: true }).click();
      await owner.getByLabel('Account name').fill('Acme Support');
      await owner.getByRole('button', { name: 'Save', exact: true }).click();
      await expect(owner.getByText('Saved.')).toBeVisible();
      await expect(owner.getByRole('banner').getByText('Acme Support').first()).toBeVisible();
    });
    await member.getByLabel('Account name').fill('Acme Service');
    await member.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(member.getByText(/changed this meanwhile/)).toBeVisible();
    await expect(member.getByLabel('Account name')).toHaveValue('Acme Service');
  });

  test('r21_invitations_begin_with_what_the_account_settled', async () => {
    await visit(owner, SETTINGS);
    await owner.getByLabel('Role offered first').selectOption({ label: 'Editor' });
    await owner.getByLabel('Invitation links are valid for').selectOption({ label: '1 day' });
    await owner.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(owner.getByText('Saved.')).toBeVisible();
    for (const dialog of ['new', 'new/several']) {
      await visit(owner, `/a/acme/settings/users/${dialog}`);
      await expect(owner.getByRole('dialog').getByLabel('Role', { exact: true })).toHaveValue('editor');
      await expect(owner.getByRole('dialog').locator('[name="form[lifetime]"]')).toHaveValue('24');
    }
  });
}
