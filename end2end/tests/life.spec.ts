import { expect, test, type Locator, type Page } from '@playwright/test';
import { useAccount } from '../support/account';
import { live, visit, withoutReload } from '../support/people';
import { person } from '../support/person';
import { PASSWORD, choose, edit, invite, line, menu, password, save, signUp } from '../support/steps';

const USERS = '/a/acme/settings/users';
const [ana, ben, dora, eva, mara, nele] = ['Ana', 'Ben', 'Dora', 'Eva', 'Mara', 'Nele'].map(person);

for (const scripting of [true, false]) {
  test.describe.serial(`from the invitation to the end, with scripting ${scripting ? 'on' : 'off'}`, () => lives(scripting));
}

function lives(scripting: boolean): void {
  const settings = { ROSTER_INVITATIONS__RESEND_COOL_DOWN_S: '0', ROSTER_LIMITS__MAILS_PER_ACCOUNT_RECIPIENT_DAY: '3' };
  const account = useAccount({ scripting, settings }, async ({ owner, people, roster }) => {
    for (const who of [dora, mara]) {
      await visit(owner, USERS);
      await invite(owner, who.email, { role: 'Admin' });
      pages[who.email] = await people.newcomer();
      await signUp(pages[who.email], (await roster.mail.to(who.email)).link, who);
    }
  });
  /** The browsers of those who joined. */
  const pages: Record<string, Page> = {};

  test('r24_r19_the_role_that_was_saved_last_is_joined_with_once_from_two_tabs', async () => {
    const { owner, people, roster } = account;
    await visit(owner, USERS);
    await invite(owner, ben.email, { role: 'Viewer' });
    const { link } = await roster.mail.to(ben.email);
    await visit(owner, USERS);
    const dialog = await edit(owner, ben);
    await expect(dialog).toContainText('What you save here applies when they join.');
    await choose(dialog, { role: 'Editor' });
    await save(dialog);

    const first = await people.newcomer();
    const second = await first.context().newPage();
    for (const tab of [first, second]) {
      await visit(tab, link);
      await tab.getByLabel('Your name').fill(ben.name);
      await password(tab).fill(PASSWORD);
    }
    for (const tab of [first, second]) {
      await tab.getByRole('button', { name: 'Create login and join' }).click();
      await expect(tab).toHaveURL(`${roster.url}/a/acme`);
      await expect(tab.getByRole('main')).toContainText('Editor');
    }
    await visit(owner, `${USERS}?q=ben`);
    await expect(line(owner, ben)).toHaveCount(1);
    await expect(line(owner, ben)).toContainText('Active');
    pages[ben.email] = first;
  });

  test('r31_giving_up_ones_own_permissions_is_confirmed_by_typing', async () => {
    const page = pages[dora.email];
    await visit(page, USERS);
    await invite(page, eva.email, { role: 'Editor' });
    await expect(page.getByText(`Invitation sent to ${eva.email}`)).toBeVisible();
    await visit(page, USERS);
    const dialog = await edit(page, dora);
    await expect(dialog).toContainText('You can give up permissions, but not add any.');
    await choose(dialog, { role: 'Viewer' });
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByLabel('Type acme to confirm').fill('acme');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await visit(page, '/a/acme');
    await expect(page.getByRole('main')).toContainText('Viewer');
    await visit(page, USERS);
    await expect(page.getByRole('heading', { name: 'You don’t have access to this page' })).toBeVisible();
  });

  test('r29_what_its_inviter_can_no_longer_offer_waits_until_somebody_approves_it', async () => {
    const { owner, people, roster } = account;
    const page = await people.newcomer();
    await visit(page, (await roster.mail.to(eva.email)).link);
    await page.getByLabel('Your name').fill(eva.name);
    await password(page).fill(PASSWORD);
    await page.getByRole('button', { name: 'Create login and join' }).click();
    await expect(page.getByRole('heading', { name: 'Waiting for approval' })).toBeVisible();

    await visit(owner, USERS);
    await expect(line(owner, eva)).toContainText('Waiting for approval');
    await line(owner, eva).getByRole('button', { name: /^Approve/ }).click();
    await expect(owner.getByText(`Invitation sent to ${eva.email} again`)).toBeVisible();
    await visit(page, (await roster.mail.to(eva.email, /invited/)).link);
    await page.getByRole('button', { name: /^(Join|Create login and join)/ }).waitFor();
    if (await password(page).count()) {
      await page.getByLabel('Your name').fill(eva.name);
      await password(page).fill(PASSWORD);
    }
    await page.getByRole('button', { name: /^(Join|Create login and join)/ }).click();
    await expect(page).toHaveURL(`${roster.url}/a/acme`);
    await expect(page.getByRole('main')).toContainText('Editor');
  });

  test('r38_what_was_begun_before_a_removal_is_refused_after_it', async () => {
    const { owner, roster } = account;
    const page = pages[mara.email];
    await visit(page, USERS);
    await page.getByRole('link', { name: 'New user' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('User email address').fill('late@example.org');
    await choose(dialog, { role: 'Viewer' });
    await visit(owner, USERS);
    await line(owner, mara).getByRole('link', { name: /^Remove/ }).click();
    await owner.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await expect(owner.getByText(`${mara.name} was removed`)).toBeVisible();
    // An open page notices by itself, before anything can be sent.
    if (!scripting) await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
    await expect(page.getByText('You no longer have access to Acme').first()).toBeVisible();
    expect(roster.mail.count('late@example.org')).toBe(0);
  });

  test('r32_r39_one_leaves_instead_of_removing_oneself_and_stays_in_the_records', async () => {
    const { owner } = account;
    await visit(owner, USERS);
    await expect(line(owner, ana)).toContainText('Leave the account instead');
    await visit(owner, '/a/acme');
    await owner.locator('summary', { hasText: 'Leave this account' }).click();
    await expect(owner.getByText('This account needs at least one owner who can sign in.')).toBeVisible();
    await expect(owner.getByRole('button', { name: 'Yes, leave Acme' })).toHaveCount(0);

    const page = pages[ben.email];
    await visit(page, '/a/acme');
    await page.locator('summary', { hasText: 'Leave this account' }).click();
    await page.getByRole('button', { name: 'Yes, leave Acme' }).click();
    await expect(page.getByText('You left Acme.')).toBeVisible();
    await visit(owner, `${USERS}?state=removed`);
    await expect(line(owner, ben)).toContainText('Removed');
    await expect(line(owner, mara)).toContainText('by Ana');
    await visit(owner, '/a/acme/settings/audit');
    await expect(owner.getByRole('row', { name: /Left the account/ })).toContainText(ben.name);
  });

  test('r51_whoever_never_wants_to_be_invited_again_is_not_until_they_take_it_back', async () => {
    const { owner, people, roster } = account;
    await visit(owner, USERS);
    await invite(owner, nele.email, { role: 'Viewer' });
    const page = await people.newcomer();
    await visit(page, (await roster.mail.to(nele.email)).link);
    await page.locator('summary', { hasText: 'Never again' }).click();
    await page.getByRole('button', { name: 'Never invite me again' }).click();
    await expect(page.getByText('Acme cannot invite this address any more.')).toBeVisible();

    await visit(owner, USERS);
    const dialog = await invite(owner, nele.email, { role: 'Viewer' });
    await expect(owner.getByText('This person doesn’t want to be invited to this account again.').first()).toBeVisible();
    expect(roster.mail.count(nele.email)).toBe(1);
    await page.getByRole('button', { name: 'Allow invitations again' }).click();
    await expect(page.locator('summary', { hasText: 'Never again' })).toBeVisible();
    await visit(owner, `${USERS}?q=nele`);
    await line(owner, nele).getByRole('button', { name: /^Resend/ }).click();
    await expect(owner.getByText(`Invitation sent to ${nele.email} again`)).toBeVisible();
    await roster.mail.to(nele.email);
    await expect(dialog).toBeHidden();
  });

  test('r52_a_mail_over_a_limit_says_until_when_it_waits_and_the_link_can_be_copied', async () => {
    const { owner, roster } = account;
    await visit(owner, USERS);
    const again = async () => {
      await (await menu(owner, nele)).getByRole('button', { name: /^Resend/ }).click();
      await expect(owner.getByText(`${nele.email} again`).or(owner.getByText('Too many')).first()).toBeVisible();
      await visit(owner, USERS);
    };
    await again();
    await roster.mail.to(nele.email);
    await again();
    await expect(line(owner, nele)).toContainText(/waits until|waiting until/);
    await (await menu(owner, nele)).getByRole('button', { name: /^Copy link/ }).click();
    await expect(owner.getByLabel('Link', { exact: true })).toHaveValue(/\/i\/[\w-]+$/);
    expect(roster.mail.count(nele.email)).toBe(3);
  });
}

test.describe('an admin of three hundred people', () => {
  const settings = { ROSTER_LIMITS__MAILS_PER_ACCOUNT_DAY: '1000', ROSTER_LIMITS__MAILS_PER_INVITER_HOUR: '1000' };
  const members = Array.from({ length: 10 }, (_, n) => person(`Member${n}`));
  const account = useAccount({ settings }, async ({ owner, people, roster }) => {
    for (const who of members) {
      await visit(owner, USERS);
      await invite(owner, who.email, { role: 'Agent' });
      await signUp(await people.newcomer(), (await roster.mail.to(who.email)).link, who);
    }
    await visit(owner, `${USERS}/new/several`);
    const rows = Array.from({ length: 290 }, (_, n) => `guest${n}@example.org,Guest ${n}`);
    const file = { name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(['email,name', ...rows].join('\n')) };
    const dialog = owner.getByRole('dialog', { name: 'Invite several people' });
    await dialog.getByLabel('Choose a CSV file').setInputFiles(file);
    await dialog.getByRole('button', { name: 'Invite 290 people' }).click();
    await expect(dialog).toContainText('All 290 people were invited.', { timeout: 30_000 });
  });

  test('finds_invites_corrects_suspends_and_removes_twenty_without_one_page_load', async () => {
    const { owner: page } = account;
    await visit(page, USERS);
    await expect(page.locator('.users-count')).toHaveText('301 people');
    let loads = 0;
    page.on('request', (request) => (loads += Number(request.isNavigationRequest() && request.frame() === page.mainFrame())));

    const find = async (text: string, count: string) => {
      await page.getByRole('searchbox', { name: 'Search' }).fill(text);
      await expect(page.locator('.users-count')).toHaveText(count);
    };
    const several = async (verb: string, dialogSays: string, people: Locator[]) => {
      for (const row of people) await row.getByRole('checkbox').check();
      await page.locator('.bulk-bar').getByRole('button', { name: verb }).click();
      const dialog = page.getByRole('dialog', { name: verb });
      await expect(dialog).toContainText(dialogSays);
      await dialog.getByRole('button', { name: verb }).click();
      await expect(page.getByText('Done for 5 people').last()).toBeVisible();
    };
    await withoutReload(page, async () => {
      // Five are invited.
      await page.getByRole('link', { name: 'New user' }).click();
      await page.getByRole('link', { name: 'Invite several people at once' }).click();
      const inviting = page.getByRole('dialog', { name: 'Invite several people' });
      await inviting.getByLabel('Email addresses').fill(Array.from({ length: 5 }, (_, n) => `mistyped${n}@example.org`).join(', '));
      await inviting.getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Viewer' });
      await inviting.getByRole('button', { name: 'Invite', exact: true }).click();
      await expect(inviting).toContainText('All 5 people were invited.');
      await inviting.getByRole('link', { name: 'Done' }).click();
      await expect(inviting).toBeHidden();

      // The addresses of five are corrected.
      await find('mistyped', '5 people found');
      for (let n = 0; n < 5; n++) {
        const dialog = await edit(page, { email: `mistyped${n}@example.org` });
        await dialog.getByLabel('User email address').fill(`corrected${n}@example.org`);
        await save(dialog);
        await expect(line(page, { email: `mistyped${n}@example.org` }), 'it is not what is searched for any more').toHaveCount(0);
      }
      await find('corrected', '5 people found');

      // Five are suspended, and five others removed.
      await find('member', '10 people found');
      const rows = members.map((who) => line(page, who));
      await several('Suspend', '5 of these people lose access to Acme immediately.', rows.slice(0, 5));
      for (const row of rows.slice(0, 5)) {
        await expect(row).toContainText('Suspended');
        await row.getByRole('checkbox').uncheck();
      }
      await several('Remove', '5 of these people lose access to Acme immediately', rows.slice(5));
      await find('member', '5 people found');
    });
    await live(page);
    expect(loads, 'pages that were loaded').toBe(0);
    const tabs = page.getByRole('navigation', { name: 'Users by status' });
    await find('', '301 people');
    await expect(tabs.getByRole('link', { name: 'Suspended 5' })).toBeVisible();
    await expect(tabs.getByRole('link', { name: 'Removed 5' })).toBeVisible();
  });
});
