import { expect, test, type Page } from '@playwright/test';
import { useAccount } from '../support/account';
import { visit, withoutReload } from '../support/people';
import { person } from '../support/person';
import { invite, line, save, signUp } from '../support/steps';

const [ben, cid] = ['Ben', 'Cid'].map(person);
const USERS = '/a/acme/settings/users';

for (const scripting of [true, false]) {
  test.describe.serial(`the page of a person, with scripting ${scripting ? 'on' : 'off'}`, () => page(scripting));
}

function page(scripting: boolean): void {
  let owner: Page;

  useAccount({ scripting, settings: { ROSTER_INVITATIONS__RESEND_COOL_DOWN_S: '0' } }, async (account) => {
    owner = account.owner;
    await invite(owner, ben.email, { role: 'Editor', extras: ['Export analytics'] });
    const member = await account.people.newcomer();
    await signUp(member, (await account.roster.mail.to(ben.email)).link, ben);
    await visit(owner, USERS);
    await invite(owner, cid.email, { role: 'Viewer' });
    await account.roster.mail.to(cid.email);
  });

  test('r65_the_name_in_the_list_leads_to_the_person_and_what_they_can_do', async () => {
    await visit(owner, `${USERS}?q=ben`);
    await withoutReload(owner, async () => {
      await line(owner, ben).getByRole('link', { name: ben.name, exact: true }).click();
      await expect(owner.getByRole('heading', { level: 1, name: ben.name })).toBeVisible();
      const access = owner.locator('.panel', { has: owner.getByRole('heading', { name: 'Role and permissions' }) });
      await expect(access.getByRole('listitem').filter({ hasText: 'Edit bots' })).toContainText('in Editor');
      await expect(access.getByRole('listitem').filter({ hasText: 'Export analytics' })).toContainText('extra');
      const history = owner.locator('#history');
      await expect(history.getByRole('row')).toHaveText([/^What/, /^Joined/, /^Invited/]);
      await owner.getByRole('link', { name: 'Back to users' }).click();
      await expect(owner).toHaveURL(/\/settings\/users\?q=ben$/);
      await expect(line(owner, ben)).toBeVisible();
    });
  });

  test('r62_an_invitation_is_sent_again_from_the_page_of_the_person', async () => {
    await visit(owner, USERS);
    await line(owner, cid).getByRole('link', { name: cid.email, exact: true }).click();
    await expect(owner.getByRole('heading', { level: 1, name: cid.email })).toBeVisible();
    const invitations = owner.getByRole('table', { name: /^Invitations to/ });
    await expect(invitations).toContainText('Not answered yet');
    await owner.getByRole('button', { name: /^More about/ }).click();
    await owner.getByRole('button', { name: /^Resend/ }).click();
    await expect(owner.getByText(`Invitation sent to ${cid.email} again`)).toBeVisible();
    if (scripting) await expect(invitations).toContainText('Sent again once');
  });

  test('edit_opens_over_the_list_and_the_page_says_what_was_changed', async () => {
    await visit(owner, USERS);
    await line(owner, ben).getByRole('link', { name: ben.name, exact: true }).click();
    await owner.getByRole('link', { name: `Edit ${ben.name}` }).click();
    const dialog = owner.getByRole('dialog');
    await dialog.getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Agent' });
    await save(dialog);
    await line(owner, ben).getByRole('link', { name: ben.name, exact: true }).click();
    await expect(owner.locator('#history').getByRole('row').nth(1)).toContainText('Editor → Agent');
  });

  test('az_03_nobody_is_found_by_an_address_that_is_nobodys', async () => {
    await visit(owner, `${USERS}/0192f0c0-0000-7000-8000-000000000000`);
    await expect(owner.getByRole('heading', { name: /nothing here|not found/i })).toBeVisible();
  });
}
