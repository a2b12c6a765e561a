import { expect, test, type Page } from '@playwright/test';
import { useAccount } from '../support/account';
import { visit, withoutReload } from '../support/people';
import { person } from '../support/person';
import { edit, invite, line, save, signUp } from '../support/steps';

const [ana, ben, cleo] = ['Ana', 'Ben', 'Cleo'].map(person);
const ROLES = '/a/acme/settings/roles';
const USERS = '/a/acme/settings/users';

for (const scripting of [true, false]) {
  test.describe.serial(`roles of the account's own, with scripting ${scripting ? 'on' : 'off'}`, () => ownRoles(scripting));
}

function ownRoles(scripting: boolean): void {
  let owner: Page;
  let member: Page;

  const acme = useAccount({ scripting }, (account) => {
    owner = account.owner;
  });

  test('r65_the_roles_stand_side_by_side', async () => {
    await visit(owner, USERS);
    await owner.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: 'Roles' }).click();
    await expect(owner).toHaveURL(ROLES);
    const row = owner.getByRole('row', { name: /^Publish bots/ });
    // Owner, Admin, Editor, Agent, Analyst, Viewer: in words, not by colour alone.
    await expect(row.getByRole('cell')).toHaveText([/Yes/, /Yes/, /Yes/, /No/, /No/, /No/]);
    await expect(owner.getByRole('link', { name: '1 person with the role Owner' })).toHaveAttribute('href', `${USERS}?role=owner`);
  });

  test('the_grid_scrolls_within_itself_on_a_phone', async () => {
    await visit(owner, ROLES);
    await owner.setViewportSize({ width: 375, height: 800 });
    const overhang = () => owner.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    await expect.poll(overhang, 'pixels over the side').toBeLessThanOrEqual(0);
    const grid = owner.getByRole('region', { name: 'Roles and their permissions' });
    const name = grid.getByRole('rowheader', { name: 'Publish bots' });
    const before = await name.boundingBox();
    await grid.evaluate((element) => element.scrollTo({ left: 400 }));
    expect((await name.boundingBox())?.x, 'what the row is about stays in sight').toBe(before?.x);
    await owner.setViewportSize({ width: 1280, height: 800 });
  });

  test('r30_a_role_is_made_as_a_copy', async () => {
    await visit(owner, ROLES);
    await withoutReload(owner, async () => {
      await owner.getByRole('link', { name: 'Copy Agent', exact: true }).click();
      await expect(owner.getByLabel('Name', { exact: true })).toHaveValue('Copy of Agent');
      await expect(owner.getByRole('checkbox', { name: 'Reply to conversations' })).toBeChecked();
      await owner.getByLabel('Name', { exact: true }).fill('Viewer');
      await owner.getByRole('checkbox', { name: 'See users' }).check();
      await owner.getByRole('button', { name: 'Create role' }).click();
      await expect(owner.getByText('This is already taken.')).toBeVisible();
      await expect(owner.getByRole('checkbox', { name: 'See users' })).toBeChecked();
      await owner.getByLabel('Name', { exact: true }).fill('Support lead');
      await owner.getByRole('button', { name: 'Create role' }).click();
      await expect(owner.getByText('The role Support lead was created.')).toBeVisible();
      await expect(owner.getByRole('columnheader', { name: /^Support lead/ })).toContainText('No one');
    });
  });

  test('r35_whoever_has_the_role_has_what_it_holds_now', async () => {
    await visit(owner, USERS);
    await invite(owner, ben.email, { role: 'Support lead' });
    member = await acme.people.newcomer();
    await signUp(member, (await acme.roster.mail.to(ben.email)).link, ben);
    await expect(member.getByRole('main').getByText('Support lead').first()).toBeVisible();
    await visit(member, USERS);
    await expect(line(member, ben)).toContainText('Support lead');

    await visit(owner, ROLES);
    await owner.getByRole('link', { name: 'Support lead', exact: true }).click();
    await owner.getByRole('checkbox', { name: 'See users' }).uncheck();
    await owner.getByRole('checkbox', { name: 'See analytics' }).check();
    if (scripting) {
      await expect(owner.getByText('Gains: See analytics')).toBeVisible();
      await expect(owner.getByText('Loses: See users')).toBeVisible();
      await expect(owner.getByText('This affects 1 person')).toBeVisible();
    }
    await owner.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(owner.getByText('The role Support lead was saved.')).toBeVisible();
    await visit(member, USERS);
    await expect(member.getByRole('heading', { name: 'You don’t have access to this page' })).toBeVisible();
  });

  test('r66_the_second_of_two_saves_is_refused_and_keeps_what_was_chosen', async () => {
    await visit(owner, ROLES);
    await owner.getByRole('link', { name: 'Support lead', exact: true }).click();
    await expect(owner.getByLabel('Name', { exact: true })).toHaveValue('Support lead');
    const other = await owner.context().newPage();
    await visit(other, owner.url());
    await other.getByRole('checkbox', { name: 'Publish bots' }).check();
    await other.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(other.getByText('The role Support lead was saved.')).toBeVisible();
    await other.close();

    await owner.getByRole('checkbox', { name: 'Edit bots' }).check();
    await owner.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(owner.getByText('changed this in the meantime')).toBeVisible();
    await expect(owner.getByText(/^Now: Support lead/)).toContainText('Publish bots');
    await expect(owner.getByRole('checkbox', { name: 'Edit bots' })).toBeChecked();
    await expect(owner.getByRole('checkbox', { name: 'Publish bots' })).not.toBeChecked();
    await owner.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(owner.getByText('The role Support lead was saved.')).toBeVisible();
  });

  test('r65_who_can_do_something_is_asked_by_permission', async () => {
    await visit(owner, ROLES);
    const ask = async () => {
      await owner.getByRole('combobox', { name: 'Permission' }).selectOption({ label: 'Reply to conversations' });
      await owner.getByRole('button', { name: 'Show', exact: true }).click();
      await expect(owner.getByText('2 active members have the permission “Reply to conversations”:')).toBeVisible();
    };
    await withoutReload(owner, ask);
    await expect(owner).toHaveURL(/\?permission=conversations\.reply/);
    await expect(owner.getByRole('listitem').filter({ hasText: ben.email })).toContainText('from the role Support lead');
    await expect(owner.getByRole('listitem').filter({ hasText: ana.email })).toContainText('as an owner');
  });

  test('r28_a_role_is_deleted_once_nobody_has_it', async () => {
    await visit(owner, ROLES);
    await owner.getByRole('link', { name: 'Support lead', exact: true }).click();
    await expect(owner.getByText('One person has this role. Give them another one first.')).toBeVisible();
    await owner.getByRole('link', { name: 'Show them' }).click();
    await expect(line(owner, ben)).toBeVisible();
    await expect(line(owner, ana)).toHaveCount(0);
    await visit(owner, USERS);
    const dialog = await edit(owner, ben);
    await dialog.getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Viewer' });
    await save(dialog);

    await visit(owner, ROLES);
    await owner.getByRole('link', { name: 'Support lead', exact: true }).click();
    await owner.locator('summary', { hasText: 'Delete …' }).click();
    await owner.getByRole('button', { name: 'Delete this role' }).click();
    await expect(owner.getByText('The role Support lead was deleted.')).toBeVisible();
    await expect(owner.getByRole('columnheader', { name: /^Support lead/ })).toHaveCount(0);
  });

  test('r30_what_one_lacks_is_not_given_in_a_role', async () => {
    await visit(owner, USERS);
    await invite(owner, cleo.email, { role: 'Admin' });
    const admin = await acme.people.newcomer();
    await signUp(admin, (await acme.roster.mail.to(cleo.email)).link, cleo);
    await visit(admin, `${ROLES}/new?from=owner`);
    await expect(admin.getByText('You can’t grant the greyed-out permissions')).toBeVisible();
    const billing = admin.getByRole('checkbox', { name: 'Manage billing' });
    await expect(billing).not.toBeChecked();
    await expect(billing).toBeDisabled();
    await admin.getByRole('button', { name: 'Create role' }).click();
    await expect(admin.getByText('The role Copy of Owner was created.')).toBeVisible();
    await admin.getByRole('link', { name: 'Editor', exact: true }).click();
    await expect(admin.getByText('can’t be changed')).toBeVisible();
  });
}
