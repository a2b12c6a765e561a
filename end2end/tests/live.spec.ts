import { expect, test, type Page, type Request } from '@playwright/test';
import { People, visit, withoutReload } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { choose, edit, invite, line, save, setUp, signOut, signUp } from '../support/steps';

const USERS = '/a/acme/settings/users';
const [ana, ben, cleo] = ['Ana', 'Ben', 'Cleo'].map(person);
/** A second, and what a loaded machine takes on top. */
const SOON = { timeout: 5_000 };

/** Ana, who does things, and Ben, who looks at the same list. */
interface Two {
  roster: Roster;
  people: People;
  owner: Page;
  admin: Page;
}

function beforeAfter(javaScriptEnabled: boolean): Two {
  const two = {} as Two;
  test.beforeAll(async ({ browser }) => {
    two.roster = await Roster.start({ mail: true });
    two.people = new People(browser, two.roster, [], { javaScriptEnabled });
    two.owner = await two.people.newcomer();
    await setUp(two.owner, two.roster.setUpLink, ana, 'Acme', 'acme');
    await invite(two.owner, ben.email, { role: 'Admin' });
    two.admin = await two.people.newcomer();
    await signUp(two.admin, (await two.roster.mail.to(ben.email)).link, ben);
    await visit(two.owner, USERS);
    await visit(two.admin, USERS);
  });
  test.afterEach(() => two.people.expectNoFaults());
  test.afterAll(async () => {
    await two.people?.close();
    await two.roster?.stop();
  });
  return two;
}

/** Says to a page that nobody can see it, or that somebody can. */
async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, hidden);
}

test.describe.serial('two lists side by side', () => {
  const two = beforeAfter(true);

  test('r35_what_one_admin_does_stands_in_the_list_of_the_other_without_a_reload', async () => {
    const { owner, admin } = two;
    await withoutReload(admin, async () => {
      await invite(owner, cleo.email, { role: 'Viewer' });
      await expect(line(admin, cleo)).toContainText('Viewer', SOON);
      await expect(admin.getByRole('link', { name: /^Invited/ })).toContainText('1', SOON);
      const dialog = await edit(owner, cleo);
      await choose(dialog, { role: 'Analyst' });
      await save(dialog);
      await expect(line(admin, cleo)).toContainText('Analyst', SOON);
    });
  });

  test('r35_a_row_changes_in_its_place_and_keeps_the_focus', async () => {
    const { owner, admin } = two;
    const button = line(admin, cleo).getByRole('link', { name: /^Edit/ });
    await button.focus();
    const before = await line(admin, cleo).boundingBox();
    const dialog = await edit(owner, cleo);
    await choose(dialog, { role: 'Editor' });
    await save(dialog);
    await expect(line(admin, cleo)).toContainText('Editor', SOON);
    await expect(button).toBeFocused();
    expect(await line(admin, cleo).boundingBox()).toEqual(before);
  });

  test('r35_no_row_moves_while_somebody_is_at_the_rows', async () => {
    const { owner, admin } = two;
    await line(admin, cleo).getByRole('link', { name: /^Edit/ }).focus();
    const before = await line(admin, cleo).boundingBox();
    await invite(owner, 'dora@example.org', { role: 'Viewer' });
    const status = admin.getByRole('status').filter({ hasText: 'The list has changed.' });
    await expect(status).toBeVisible(SOON);
    expect(await line(admin, cleo).boundingBox()).toEqual(before);
    await expect(line(admin, { email: 'dora@example.org' })).toHaveCount(0);
    await status.getByRole('button', { name: 'Show changes' }).click();
    await expect(line(admin, { email: 'dora@example.org' })).toBeVisible();
    await expect(status).toHaveCount(0);
    await expect(admin.locator('.users-count')).toBeFocused();
  });

  test('r35_what_somebody_types_in_the_search_stays_while_the_list_changes', async () => {
    const { owner, admin } = two;
    const search = admin.getByRole('searchbox');
    await search.pressSequentially('example');
    await invite(owner, 'emil@example.org', { role: 'Viewer' });
    await expect(line(admin, { email: 'emil@example.org' })).toBeVisible(SOON);
    await expect(search).toHaveValue('example');
    await expect(search).toBeFocused();
    await search.fill('');
    await expect(admin).not.toHaveURL(/q=/);
  });

  test('r35_while_a_page_is_hidden_it_listens_to_nothing_and_catches_up_after', async () => {
    const { owner, admin } = two;
    const ended = admin.waitForEvent('requestfailed', (request) => request.url().endsWith('/a/acme/events'));
    await setHidden(admin, true);
    await ended;
    await invite(owner, 'finn@example.org', { role: 'Viewer' });
    await expect(line(owner, { email: 'finn@example.org' })).toBeVisible();
    await admin.waitForTimeout(1_500);
    await expect(line(admin, { email: 'finn@example.org' })).toHaveCount(0);
    await setHidden(admin, false);
    await expect(line(admin, { email: 'finn@example.org' })).toBeVisible(SOON);
  });

  test('r35_a_dialog_keeps_what_was_typed_while_the_list_changes_behind_it', async () => {
    const { owner, admin } = two;
    await admin.getByRole('link', { name: 'New user' }).click();
    const dialog = admin.getByRole('dialog');
    await dialog.getByLabel('User email address').fill('gil@example.org');
    await invite(owner, 'hedy@example.org', { role: 'Viewer' });
    await expect(admin.getByText('hedy@example.org')).toHaveCount(1, SOON);
    await expect(dialog.getByLabel('User email address')).toHaveValue('gil@example.org');
    await admin.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
  });

  test('r35_ten_tabs_share_one_stream_which_goes_on_in_another_when_its_tab_is_hidden', async () => {
    const { owner, admin } = two;
    const context = admin.context();
    const streams = new Set<Request>();
    const isStream = (request: Request) => request.url().endsWith('/a/acme/events');
    const began = (request: Request) => void (isStream(request) && streams.add(request));
    const ended = (request: Request) => void streams.delete(request);
    // Of a tab that is closed, it is not always told that its requests have ended.
    const open = () => [...streams].filter((request) => !request.frame().page().isClosed()).length;
    context.on('request', began).on('requestfinished', ended).on('requestfailed', ended);
    await visit(admin, USERS);
    const tabs: Page[] = [];
    // Six connections are what a browser opens to one server: with a stream in each tab the seventh would wait for ever.
    for (let count = 0; count < 10; count += 1) tabs.push(await visit(await context.newPage(), USERS));
    const all = [admin, ...tabs];
    await expect.poll(open).toBe(1);
    await invite(owner, 'kim@example.org', { role: 'Viewer' });
    await Promise.all(all.map((tab) => expect(line(tab, { email: 'kim@example.org' })).toBeVisible(SOON)));

    await setHidden(admin, true);
    await expect.poll(open).toBe(1);
    await invite(owner, 'lena@example.org', { role: 'Viewer' });
    await Promise.all(tabs.map((tab) => expect(line(tab, { email: 'lena@example.org' })).toBeVisible(SOON)));
    await setHidden(admin, false);
    await Promise.all(tabs.map((tab) => tab.close()));
    await expect(line(admin, { email: 'lena@example.org' })).toBeVisible(SOON);
    await expect.poll(open).toBe(1);
    context.off('request', began).off('requestfinished', ended).off('requestfailed', ended);
  });

  test('r59_an_open_page_moves_to_the_new_address_by_itself_and_stays_where_somebody_types', async () => {
    const { owner, admin } = two;
    const change = async (from: string, to: string) => {
      await visit(owner, `/a/${from}/settings/account`);
      await owner.getByLabel('New address').fill(to);
      await owner.getByRole('button', { name: 'Change the address' }).click();
      await expect(owner).toHaveURL(new RegExp(`/a/${to}/settings/account`));
    };
    await visit(admin, `${USERS}?sort=-active`);
    await withoutReload(admin, async () => {
      await change('acme', 'acme-two');
      await expect(admin).toHaveURL(/\/a\/acme-two\/settings\/users\?sort=-active$/, SOON);
      await expect(admin.getByText('This account has a new address: /a/acme-two')).toBeVisible();
      await expect(line(admin, ben)).toBeVisible();
    });
    await admin.getByRole('link', { name: 'New user' }).click();
    const typed = admin.getByRole('dialog').getByLabel('User email address');
    await typed.fill('mia@example.org');
    await change('acme-two', 'acme');
    const told = admin.locator('.live', { hasText: 'This account has a new address: /a/acme' });
    await expect(told.getByText('Go there')).toBeVisible(SOON);
    await expect(typed).toHaveValue('mia@example.org');
    await admin.keyboard.press('Escape');
    await told.getByRole('link', { name: 'Go there' }).click();
    await expect(admin).toHaveURL(/\/a\/acme\/settings\/users/);
    await Promise.all([visit(owner, USERS), visit(admin, USERS)]);
  });

  test('r35_a_restart_is_said_and_made_up_for', async () => {
    const { roster, owner, admin } = two;
    await roster.end();
    await expect(admin.getByText('Live updates are interrupted.')).toBeVisible({ timeout: 15_000 });
    await roster.restart();
    await visit(owner, USERS);
    await invite(owner, 'ivo@example.org', { role: 'Viewer' });
    await expect(line(admin, { email: 'ivo@example.org' })).toBeVisible({ timeout: 20_000 });
    await expect(admin.getByText('Live updates are interrupted.')).toHaveCount(0);
  });

  test('r35_whose_role_is_changed_is_told', async () => {
    const { owner, admin } = two;
    const dialog = await edit(owner, ben);
    await choose(dialog, { role: 'Viewer' });
    await save(dialog);
    const told = admin.getByRole('status').filter({ hasText: 'Your role or permissions in this account have changed.' });
    await expect(told).toBeVisible(SOON);
    await told.getByRole('link', { name: 'Reload' }).click();
    await expect(admin.getByRole('heading', { name: 'You don’t have access to this page' })).toBeVisible();
  });

  test('r35_a_role_that_changes_while_the_page_is_hidden_is_told_after', async () => {
    const { owner, admin } = two;
    const change = async (role: string) => {
      const dialog = await edit(owner, ben);
      await choose(dialog, { role });
      await save(dialog);
    };
    await change('Admin');
    await visit(admin, USERS);
    await setHidden(admin, true);
    await change('Analyst');
    await setHidden(admin, false);
    await expect(admin.getByText('Your role or permissions in this account have changed.')).toBeVisible(SOON);
  });

  test('r36_the_open_page_of_somebody_who_is_removed_says_so', async () => {
    const { owner, admin } = two;
    await visit(admin, '/a/acme');
    await line(owner, ben).getByRole('link', { name: /^Remove/ }).click();
    await owner.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await expect(admin.getByRole('heading', { name: 'You no longer have access to Acme' })).toBeVisible(SOON);
  });

  test('se_05_a_page_whose_session_has_ended_elsewhere_says_so', async () => {
    const { owner, people } = two;
    const other = await people.newcomer({ storageState: await owner.context().storageState() });
    await visit(other, USERS);
    await visit(owner, USERS);
    await signOut(other, ana);
    await expect(owner.getByText('You have been signed out.')).toBeVisible(SOON);
    await expect(owner.getByRole('link', { name: 'Sign in' })).toHaveAttribute('href', /\/login\/acme\?next=/);
  });
});

test.describe('without scripting', () => {
  const two = beforeAfter(false);

  test('r35_a_link_shows_the_list_as_it_is_now', async () => {
    const { owner, admin } = two;
    await invite(owner, cleo.email, { role: 'Viewer' });
    await expect(line(admin, cleo)).toHaveCount(0);
    await admin.getByRole('link', { name: 'Reload' }).click();
    await expect(line(admin, cleo)).toContainText('Viewer');
  });
});
