import { readFile } from 'node:fs/promises';
import { expect, test, type Locator, type Page } from '@playwright/test';
import { People, visit, withoutReload } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { invite, line, setUp, signUp } from '../support/steps';

const USERS = '/a/acme/settings/users';
const SEVERAL = `${USERS}/new/several`;
const [ana, ben] = ['Ana', 'Ben'].map(person);

let roster: Roster;
let people: People;
let page: Page;

/** Opens the dialog, and chooses a file with this text. */
async function choose(text: string): Promise<Locator> {
  await visit(page, SEVERAL);
  const dialog = page.getByRole('dialog', { name: 'Invite several people' });
  await dialog.getByLabel('Choose a CSV file').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  return dialog;
}

/** Pastes a text into a field. */
async function paste(field: Locator, text: string): Promise<void> {
  await field.evaluate((input, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', text);
    input.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, text);
}

function table(count: number): string {
  const rows = Array.from({ length: count }, (_, n) => `guest${n}@example.org,Guest ${n},${n % 2 ? 'Analyst' : ''}`);
  return ['email,name,role', ...rows].join('\r\n');
}

test.describe.serial('many people from a file', () => {
  test.beforeAll(async ({ browser }) => {
    roster = await Roster.start({ mail: true });
    people = new People(browser, roster);
    page = await people.newcomer();
    await setUp(page, roster.setUpLink, ana, 'Acme', 'acme');
    await invite(page, ben.email, { role: 'Editor' });
    await signUp(await people.newcomer(), (await roster.mail.to(ben.email)).link, ben);
  });
  test.afterEach(() => people.expectNoFaults());
  test.afterAll(async () => {
    await people?.close();
    await roster?.stop();
  });

  test('r54_who_is_pasted_is_looked_up_while_typing', async () => {
    await visit(page, SEVERAL);
    const dialog = page.getByRole('dialog', { name: 'Invite several people' });
    await dialog.getByLabel('Email addresses').fill(`new@example.org, ${ben.email}\nnobody\nnew@example.org`);
    await expect(dialog).toContainText('1 person can be invited.');
    await expect(dialog).toContainText('1 is already a member.');
    await expect(dialog).toContainText('1 address is in the list twice and is counted once.');
    await expect(dialog.getByRole('listitem').filter({ hasText: 'nobody' })).toContainText('email address');
    await dialog.getByLabel('Email addresses').fill('email\trole\nboss@example.org\tking\n');
    await expect(dialog.getByRole('listitem').filter({ hasText: 'boss@example.org' })).toContainText('Role:');
  });

  test('r54_addresses_become_chips_that_say_who_they_are_and_are_removed_by_mouse_and_keys', async () => {
    await visit(page, USERS);
    await page.getByRole('link', { name: 'New user' }).click();
    const forOne = page.getByRole('dialog', { name: 'New user' });
    await forOne.getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Analyst' });
    await withoutReload(page, async () => {
      await forOne.getByLabel('User email address').focus();
      await page.keyboard.type('chip1@example.org, Chip Two <chip2@example.org> chip3@example.org', { delay: 50 });
      const dialog = page.getByRole('dialog', { name: 'Invite several people' });
      const field = dialog.getByLabel('Email addresses');
      await expect(field).toBeFocused();
      await expect(field, 'what is not finished stays in the field').toHaveValue('chip3@example.org');
      await expect(dialog.getByRole('combobox', { name: 'Role' })).toHaveValue('analyst');
      await page.keyboard.press('Enter');
      const chips = dialog.getByRole('list', { name: 'Addresses so far' }).getByRole('listitem');
      await expect(chips).toHaveText(['chip1@example.org', 'chip2@example.org', 'chip3@example.org']);
      await paste(field, `nobody; ${ben.email}\nCHIP1@example.org`);
      await expect(chips).toHaveCount(5);
      await expect(chips.filter({ hasText: 'nobody' })).toContainText('can’t be invited');
      await expect(chips.filter({ hasText: ben.email })).toContainText('already a member');
      await expect(dialog).toContainText('3 people can be invited.');
      // Back from the field to the last chip, and on.
      await field.press('ArrowLeft');
      await expect(dialog.getByRole('button', { name: `Remove ${ben.email}` })).toBeFocused();
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('Delete');
      await expect(dialog.getByRole('status').filter({ hasText: 'nobody removed from the list' })).toHaveCount(1);
      await expect(dialog.getByRole('button', { name: `Remove ${ben.email}` }), 'the next one has the focus').toBeFocused();
      await page.keyboard.press('Backspace');
      await expect(field).toBeFocused();
      await dialog.getByRole('button', { name: 'Remove chip3@example.org' }).click();
      await expect(chips).toHaveText(['chip1@example.org', 'chip2@example.org']);
      await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
      await expect(dialog).toContainText('All 2 people were invited.');
      await dialog.getByRole('link', { name: 'Done' }).click();
      await expect(line(page, { email: 'chip2@example.org' })).toContainText('Chip Two');
      await expect(line(page, { email: 'chip2@example.org' })).toContainText('Analyst');
      // What is too much for chips is kept where there is room for it.
      await page.getByRole('link', { name: 'New user' }).click();
      const many = Array.from({ length: 51 }, (_, n) => `many${n}@example.org`).join('\n');
      await paste(forOne.getByLabel('User email address'), many);
      await expect(dialog.getByLabel('Email addresses')).toHaveValue(`${many}\n`);
      await expect(dialog.getByRole('button', { name: 'Invite 51 people' })).toBeEnabled();
      await dialog.getByRole('link', { name: 'Cancel' }).click();
    });
  });

  test('r04_those_who_were_members_before_return_as_chosen', async () => {
    await visit(page, USERS);
    await line(page, ben).getByRole('link', { name: /^Remove/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await visit(page, SEVERAL);
    const dialog = page.getByRole('dialog', { name: 'Invite several people' });
    await dialog.getByLabel('Email addresses').fill(ben.email);
    await expect(dialog).toContainText('1 used to be a member.');
    await expect(dialog.getByRole('listitem').filter({ hasText: ben.email })).toContainText('had Editor');
    await dialog.getByLabel('People who used to be members').selectOption({ label: 'Invite with the role and permissions they had' });
    await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
    await expect(dialog).toContainText('1 person was invited.');
    await dialog.getByRole('link', { name: 'Done' }).click();
    await expect(line(page, ben)).toContainText('Editor');
  });

  test('r54_a_file_is_reviewed_sent_in_parts_and_gives_a_result_for_each_row', async () => {
    const dialog = await choose(`${table(120)}\r\nnobody,,\r\n${ben.email},,\r\n`);
    await expect(dialog).toContainText('people.csv');
    await expect(dialog).toContainText('120 people can be invited.');
    await expect(dialog).toContainText('1 is already invited.');
    await expect(dialog).toContainText('1 can’t be invited:');
    await withoutReload(page, async () => {
      await dialog.getByRole('button', { name: 'Invite 120 people' }).click();
      await expect(dialog).toContainText('120 of 122 people were invited.', { timeout: 60_000 });
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        dialog.getByRole('link', { name: 'Download the results (CSV)' }).click(),
      ]);
      const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
      expect(lines).toHaveLength(123);
      // Beyond a hundred in an hour the mails go out later.
      expect(lines[1]).toBe('"guest0@example.org","invited","is invited."');
      expect(lines[120]).toBe('"guest119@example.org","invited","is invited. The email goes out later, when the limits allow it."');
      expect(lines.filter((line) => line.includes('"already_invited"'))).toHaveLength(1);
      await dialog.getByRole('link', { name: 'Done' }).click();
      await expect(line(page, { email: 'guest119@example.org' })).toContainText('Analyst');
    });
  });

  test('r54_the_same_file_again_invites_nobody_twice', async () => {
    const dialog = await choose(table(120));
    await expect(dialog).toContainText('120 are already invited.');
    await expect(dialog.getByRole('button', { name: 'Invite 0 people' })).toBeDisabled();
  });

  test('r54_a_small_file_is_sent_and_not_what_stands_in_the_field', async () => {
    const dialog = await choose('email,phone\nsmall0@example.org,1\n,2\nsmall1@example.org,3\n');
    await expect(dialog).toContainText('2 people can be invited.');
    await dialog.getByRole('button', { name: 'Invite 2 people' }).click();
    await expect(dialog).toContainText('All 2 people were invited.');
    await visit(page, `${USERS}?q=small`);
    await expect(line(page, { email: 'small1@example.org' })).toBeVisible();
  });

  test('r54_what_is_stopped_in_the_middle_says_so_and_the_same_file_goes_on', async () => {
    const rows = Array.from({ length: 150 }, (_, n) => `stopped${n}@example.org`);
    const dialog = await choose(['email', ...rows].join('\n'));
    await expect(dialog).toContainText('150 people can be invited.');
    // The first part takes its time.
    await page.route('**/api/users/invite-several', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await route.continue();
    });
    await dialog.getByRole('button', { name: 'Invite 150 people' }).click();
    await page.keyboard.press('Escape');
    await expect(dialog, 'nothing under way is closed by accident').toBeVisible();
    await dialog.getByRole('button', { name: 'Stop' }).click();
    await expect(dialog).toContainText('50 of 150 people were invited.');
    await expect(dialog.getByRole('listitem').filter({ hasText: 'stopped149@example.org' })).toHaveCount(0);
    await expect(dialog.getByRole('listitem').filter({ hasText: 'stopped60@example.org' })).toContainText('was not invited.');
    await page.unroute('**/api/users/invite-several');
    const again = await choose(['email', ...rows].join('\n'));
    await expect(again).toContainText('50 are already invited.');
    await again.getByRole('button', { name: 'Invite 100 people' }).click();
    await expect(again).toContainText('100 of 150 people were invited.');
  });

  test('r30_everybody_who_matches_gets_a_permission_in_parts_with_a_result_for_each', async () => {
    await visit(page, `${USERS}?q=stopped`);
    const bar = page.locator('.bulk-bar');
    const all = bar.getByRole('checkbox', { name: 'Select all 150 that match' });
    await line(page, { email: 'stopped0@example.org' }).getByRole('checkbox').check();
    await expect(bar).toBeVisible();
    await expect(all, 'it is about one so far').toBeHidden();
    await withoutReload(page, async () => {
      await page.getByRole('checkbox', { name: 'Select everyone on this page' }).check();
      await all.check();
      await bar.getByRole('button', { name: 'Change a permission' }).click();
      const dialog = page.getByRole('dialog', { name: 'Change a permission' });
      const permission = dialog.getByLabel('Extra permission');
      await permission.selectOption({ label: 'See bots' });
      await expect(dialog).toContainText('150 people are left out. They have this permission through their role already.');
      await expect(dialog.getByRole('button', { name: 'Change a permission' })).toHaveCount(0);
      await permission.selectOption({ label: 'Export analytics' });
      await expect(dialog).toContainText('150 of these people get the permission on top of their role.');
      await page.route('**/api/users/change-several', async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        await route.continue();
      });
      await dialog.getByRole('button', { name: 'Change a permission' }).click();
      await expect(dialog.getByRole('progressbar')).toBeVisible();
      await dialog.getByRole('button', { name: 'Stop' }).click();
      await expect(dialog).toContainText('Done for 100 of 150 people.');
      await page.unroute('**/api/users/change-several');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        dialog.getByRole('link', { name: 'Download the results (CSV)' }).click(),
      ]);
      const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
      expect(lines).toHaveLength(151);
      expect(lines.filter((line) => line.includes('"not_done"'))).toHaveLength(50);
      await dialog.getByRole('link', { name: 'Done' }).click();
      await expect(line(page, { email: 'stopped0@example.org' })).toContainText('+1 extra');
      // Whoever has it already is left out, and the rest gets it now.
      await page.getByRole('checkbox', { name: 'Select everyone on this page' }).check();
      await all.check();
      await bar.getByRole('button', { name: 'Change a permission' }).click();
      await permission.selectOption({ label: 'Export analytics' });
      await expect(dialog).toContainText('100 people are left out. They have this permission already.');
      await dialog.getByRole('button', { name: 'Change a permission' }).click();
      await expect(page.getByText('Done for 50 people')).toBeVisible();
    });
  });

  test('r54_a_file_that_is_of_no_use_says_what_to_do', async () => {
    const dialog = await choose('Name;Stadt\nAna;Köln\n');
    await expect(dialog.getByRole('alert')).toContainText('no email addresses');
    await dialog.getByLabel('Choose a CSV file').setInputFiles({
      name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from('email;name\nana@example.org;J\xfcrgen\n', 'latin1'),
    });
    await expect(dialog.getByRole('alert')).toContainText('UTF-8');
  });
});

test('f13_ten_thousand_people_are_invited_from_one_file_in_the_browser', async ({ browser }) => {
  test.setTimeout(600_000);
  const large = await Roster.start({ mail: false });
  const crowd = new People(browser, large);
  try {
    page = await crowd.newcomer();
    await setUp(page, large.setUpLink, ana, 'Acme', 'acme');
    const dialog = await choose(table(10_000));
    await expect(dialog).toContainText('10,000 people can be invited.', { timeout: 180_000 });
    const begun = Date.now();
    await dialog.getByRole('button', { name: 'Invite 10,000 people' }).click();
    // Somebody may stop it, and go on by the same file.
    await expect(dialog.getByRole('progressbar')).toBeVisible();
    await expect(dialog).toContainText('All 10,000 people were invited.', { timeout: 400_000 });
    console.log(`ten thousand people were invited in ${Math.round((Date.now() - begun) / 1000)} s`);
    await dialog.getByRole('link', { name: 'Done' }).click();
    await expect(page.getByRole('status').filter({ hasText: 'people' }).first()).toContainText('10,00');
    crowd.expectNoFaults();
  } finally {
    await crowd.close();
    await large.stop();
  }
});
