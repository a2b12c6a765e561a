import { expect, test, type Page } from '@playwright/test';
import { useAccount } from '../support/account';
import { visit, withoutReload } from '../support/people';
import { person } from '../support/person';
import { invite, line, signUp } from '../support/steps';

const ben = person('Ben');
const USERS = '/a/acme/settings/users';

for (const scripting of [true, false]) {
  test.describe.serial(`somebody who is away for a while, with scripting ${scripting ? 'on' : 'off'}`, () => away(scripting));
}

function away(scripting: boolean): void {
  let owner: Page;
  let member: Page;

  useAccount({ scripting }, async (account) => {
    owner = account.owner;
    await invite(owner, ben.email, { role: 'Editor' });
    member = await account.people.newcomer();
    await signUp(member, (await account.roster.mail.to(ben.email)).link, ben);
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
    await owner.setViewportSize({ width: 375, height: 740 });
    const height = await line(owner, ben).evaluate((row) => row.getBoundingClientRect().height);
    expect(height, 'with the step that is due, on a phone').toBeLessThanOrEqual(96);
    await owner.setViewportSize({ width: 1280, height: 720 });
    await line(owner, ben).getByRole('button', { name: /^Reactivate/ }).click();
    await expect(owner.getByText(`${ben.name} is active again.`)).toBeVisible();
    await expect(line(owner, ben)).toContainText('Active');
    if (scripting) await expect(line(owner, ben).getByRole('button', { name: /^More about/ })).toBeFocused();
  });
}
