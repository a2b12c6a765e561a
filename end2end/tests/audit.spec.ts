import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import { useAccount } from '../support/account';
import { live, visit } from '../support/people';
import { person } from '../support/person';
import { choose, edit, invite, save, signUp } from '../support/steps';

const ben = person('Ben');
const AUDIT = '/a/acme/settings/audit';

for (const scripting of [true, false]) {
  test.describe.serial(`the audit log, with scripting ${scripting ? 'on' : 'off'}`, () => log(scripting));
}

function log(scripting: boolean): void {
  let page: Page;

  useAccount({ scripting }, async (account) => {
    page = account.owner;
    await invite(page, ben.email, { role: 'Viewer', extras: ['Export analytics'] });
    await signUp(await account.people.newcomer(), (await account.roster.mail.to(ben.email)).link, ben);
    await visit(page, '/a/acme/settings/users');
    const dialog = await edit(page, ben);
    await choose(dialog, { role: 'Editor' });
    await save(dialog);
  });

  test('r60_the_log_is_read_in_words', async () => {
    await visit(page, '/a/acme');
    await page.getByRole('link', { name: 'Audit', exact: true }).click();
    await expect(page.getByRole('heading', { name: 'Audit log' })).toBeVisible();
    const change = page.getByRole('row', { name: /Role or permissions changed/ });
    await expect(change).toContainText('Viewer → Editor');
    await expect(change).toContainText(ben.email);
    await expect(page.getByRole('row', { name: /Invited/ })).toContainText('Viewer, plus Export analytics');
  });

  test('r60_the_log_is_filtered_by_person_and_action', async () => {
    await visit(page, AUDIT);
    await page.getByRole('textbox', { name: 'Person' }).fill(ben.email);
    await page.getByLabel('Action').selectOption('Joined');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await expect(page).toHaveURL(/person=ben/);
    await live(page);
    await expect(page.getByRole('rowheader')).toHaveCount(1);
    await page.getByRole('link', { name: 'Clear filters' }).click();
    await expect(page.getByRole('rowheader')).toHaveCount(4);
  });

  test('r60_who_had_access_on_a_day_is_rebuilt_from_the_log', async () => {
    await visit(page, AUDIT);
    await page.getByRole('link', { name: 'Who had access?' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Who had access?' })).toBeVisible();
    const table = page.getByRole('table', { name: 'Had access' });
    await expect(table.getByRole('row').filter({ hasText: ben.email })).toContainText('Editor');
    await expect(page.getByText(/UTC: 2 with access, 0 suspended/)).toBeVisible();
    await expect(page.getByRole('img', { name: 'People with access: 2 now, at most 2' })).toBeVisible();
    await page.getByText('Show as a table').click();
    await expect(page.getByRole('columnheader', { name: 'With access at its end' })).toBeVisible();
    await page.getByLabel('Day').fill('2020-01-31');
    await page.getByLabel('Time').fill('12:00');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await expect(page).toHaveURL(/day=2020-01-31&time=12/);
    await live(page);
    await expect(page.getByText('2020-01-31 12:00 UTC: 0 with access')).toBeVisible();
    await expect(page.getByText('No one had access then')).toBeVisible();
    await expect(page.getByLabel('Day')).toHaveValue('2020-01-31');
  });

  test('in_07_what_is_shown_is_exported', async () => {
    await visit(page, `${AUDIT}?kind=invited`);
    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Export CSV' }).click();
    const file = await downloading.then((download) => download.path());
    const lines = (await readFile(file, 'utf8')).trim().split('\r\n');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(`"${ben.email}"`);
  });
}
