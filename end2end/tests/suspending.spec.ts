import { expect, test, type Page } from '@playwright/test';
import { People, visit, withoutReload } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { invite, line, setUp, signUp } from '../support/steps';

const [ana, ben] = ['Ana', 'Ben'].map(person);
const USERS = '/a/acme/settings/users';

for (const scripting of [true, false]) {
  test.describe.serial(`somebody who is away for a while, with scripting ${scripting ? 'on' : 'off'}`, () => away(scripting));
}

function away(scripting: boolean): void {
  let roster: Roster;
  let people: People;
  let owner: Page;
  let member: Page;

  test.beforeAll(async ({ browser }) => {
    roster = await Roster.start({ mail: true });
    people = new People(browser, roster, [], { javaScriptEnabled: scripting });
    owner = await people.newcomer();
    await setUp(owner, roster.setUpLink, ana, 'Acme', 'acme');
    await invite(owner, ben.email, { role: 'Editor' });
    member = await people.newcomer();
    await signUp(member, (await roster.mail.to(ben.email)).link, ben);
  });

  test.afterEach(() => people.expectNoFaults());

  test.afterAll(async () => {
    await people?.close();
    await roster?.stop();
  });

  test('r41_a_member_is_suspended_from_the_dialog_and_is_out', async () => {
    await visit(owner, USERS);
    await withoutReload(owner, async () => {
      await line(owner, ben).getByRole('link', { name: /^Remove/ }).click();
      await owner.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click();
      await expect(owner.getByText(`${ben.name} was suspended.`)).toBeVisible();
      await expect(line(owner, ben)).toContainText('Suspended');
    });
    await visit(member, '/a/acme');
    await expect(member.getByRole('heading', { name: /no longer have access/ })).toBeVisible();
  });

  test('r03_inviting_the_member_offers_to_reactivate', async () => {
    await visit(owner, USERS);
    const dialog = await invite(owner, ben.email, { role: 'Viewer' });
    await expect(dialog.getByText('is a suspended member')).toBeVisible();
    await dialog.getByRole('button', { name: 'Reactivate' }).click();
    await expect(owner.getByText(`${ben.name} is active again.`)).toBeVisible();
    await expect(line(owner, ben)).toContainText('Editor');
    await visit(member, '/a/acme');
    await expect(member.getByRole('heading', { name: 'Acme' })).toBeVisible();
  });

  test('r41_a_row_has_the_way_back', async () => {
    await visit(owner, USERS);
    await line(owner, ben).getByRole('link', { name: /^Remove/ }).click();
    await owner.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click();
    await expect(line(owner, ben)).toContainText('Suspended');
    await line(owner, ben).getByRole('button', { name: /^Reactivate/ }).click();
    await expect(owner.getByText(`${ben.name} is active again.`)).toBeVisible();
    await expect(line(owner, ben)).toContainText('Active');
  });
}
