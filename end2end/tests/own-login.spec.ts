import { expect, test, type Page } from '@playwright/test';
import { People, live, visit } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { PASSWORD, invite, password, setUp, signUp } from '../support/steps';

const NEW_PASSWORD = 'lantern-forty-porcupine';
const [ana, ben] = ['Ana', 'Ben'].map(person);

for (const scripting of [true, false]) {
  test.describe.serial(`one's own login, with scripting ${scripting ? 'on' : 'off'}`, () => ownLogin(scripting));
}

function ownLogin(scripting: boolean): void {
  let roster: Roster;
  let people: People;
  let owner: Page;
  let page: Page;

  test.beforeAll(async ({ browser }) => {
    roster = await Roster.start({ mail: true });
    people = new People(browser, roster, [], { javaScriptEnabled: scripting });
    owner = await people.newcomer();
    await setUp(owner, roster.setUpLink, ana, 'Acme', 'acme');
    await invite(owner, ben.email, { role: 'Viewer' });
    page = await people.newcomer();
    await signUp(page, (await roster.mail.to(ben.email)).link, ben);
  });

  test.afterEach(() => people.expectNoFaults());

  test.afterAll(async () => {
    await people?.close();
    await roster?.stop();
  });

  /** Another browser of Ben's, signed in. */
  async function elsewhere(email: string, secret: string): Promise<Page> {
    const other = await people.newcomer();
    await visit(other, '/login');
    await other.getByLabel('Email address').fill(email);
    await password(other).fill(secret);
    await other.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(other).toHaveURL(/\/a\/acme/);
    return other;
  }

  test('r48_r50_a_person_changes_their_name_and_everybody_sees_it', async () => {
    await visit(page, '/a/acme');
    await page.getByRole('banner').locator('summary', { hasText: ben.name }).click();
    await page.getByRole('banner').getByRole('link', { name: 'Your login' }).click();
    await expect(page).toHaveURL(`${roster.url}/me`);
    await expect(page.getByRole('heading', { name: 'Your login' })).toBeVisible();
    await live(page);
    await page.getByLabel('Your name').fill('Benedict Example');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(page.getByText('Profile saved.')).toBeVisible();
    await expect(page.getByRole('banner').locator('summary', { hasText: 'Benedict Example' })).toBeVisible();

    await visit(owner, '/a/acme/settings/users');
    await expect(owner.getByRole('row').filter({ hasText: ben.email })).toContainText('Benedict Example');
  });

  test('r50_the_language_of_the_profile_is_that_of_the_pages', async () => {
    await visit(page, '/me');
    await page.getByRole('combobox', { name: 'Language' }).selectOption('Deutsch');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(page.getByRole('heading', { name: 'Ihr Zugang' })).toBeVisible();
    await live(page);
    await page.getByRole('combobox', { name: 'Sprache' }).selectOption('English');
    await page.getByRole('button', { name: 'Speichern', exact: true }).click();
    await expect(page.getByRole('heading', { name: 'Your login' })).toBeVisible();
  });

  test('times_and_colours_are_as_the_person_chose', async () => {
    await visit(page, '/me');
    await page.getByLabel('Time zone').selectOption('Asia/Tokyo');
    await page.getByLabel('Appearance').selectOption('Dark');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(page.getByText('Profile saved.')).toBeVisible();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    await expect(page.locator('body')).toHaveCSS('color', 'rgb(232, 234, 240)');
    await live(page);
    await visit(page, '/me/sessions');
    const began = page.getByRole('main').locator('time').first();
    const [at, written] = [new Date((await began.getAttribute('datetime')) ?? ''), await began.textContent()];
    const clock = { hour: '2-digit', minute: '2-digit', timeZone: 'Asia/Tokyo' } as const;
    expect(written).toContain(at.toLocaleTimeString('en-GB', clock));

    await visit(page, '/me');
    await page.getByLabel('Time zone').selectOption('Same as the browser');
    await page.getByLabel('Appearance').selectOption('Same as the system');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(page.getByText('Profile saved.')).toBeVisible();
    await expect(page.locator('html')).not.toHaveAttribute('data-theme');
  });

  test('pw_08_se_07_the_password_is_changed_with_the_present_one', async () => {
    const other = await elsewhere(ben.email, PASSWORD);
    await visit(page, '/me');
    await page.getByRole('link', { name: 'Sign-in', exact: true }).click();
    await expect(page).toHaveURL(`${roster.url}/me/sign-in`);
    await live(page);
    const change = async (present: string) => {
      await page.getByLabel('Current password').fill(present);
      await page.locator('input[autocomplete="new-password"]').fill(NEW_PASSWORD);
      await page.getByRole('button', { name: 'Change password' }).click();
    };
    await change('certainly-not-the-password');
    await expect(page.getByText('This isn’t your current password.')).toBeVisible();
    await expect(page.getByRole('checkbox', { name: 'Sign out my other browsers' })).toBeChecked();
    await change(PASSWORD);
    await expect(page.getByText('Password changed. The other browser was signed out.')).toBeVisible();
    await expect(page.getByLabel('Current password')).toHaveValue('');
    await roster.mail.to(ben.email, /was changed/);

    await visit(other, '/a/acme');
    await expect(other).toHaveURL(/\/login/);
  });

  test('se_08_other_browsers_are_seen_and_signed_out', async () => {
    const other = await elsewhere(ben.email, NEW_PASSWORD);
    const third = await elsewhere(ben.email, NEW_PASSWORD);
    await visit(page, '/me/sessions');
    const sessions = page.getByRole('main').getByRole('listitem');
    await expect(sessions).toHaveCount(3);
    await expect(sessions.filter({ hasText: 'This browser' })).toHaveCount(1);
    await sessions.filter({ hasNotText: 'This browser' }).first().getByRole('button', { name: /^Sign out/ }).click();
    await expect(page.getByText('That browser was signed out.')).toBeVisible();
    await expect(sessions).toHaveCount(2);
    await live(page);
    await page.getByRole('button', { name: 'Sign out all other browsers' }).click();
    await expect(page.getByText('Only this one is left.')).toBeVisible();
    await expect(sessions).toHaveCount(1);
    for (const gone of [other, third]) {
      await visit(gone, '/a/acme');
      await expect(gone).toHaveURL(/\/login/);
    }
  });

  test('the_own_log_tells_what_happened', async () => {
    await visit(page, '/me/activity');
    for (const words of ['All other browsers signed out', 'Password changed', 'Signed in with your password']) {
      await expect(page.getByText(words).first()).toBeVisible();
    }
  });

  test('r06_another_invitation_is_joined_by_hand_and_the_account_left_again', async () => {
    await visit(owner, '/accounts');
    await owner.getByLabel('Account name').fill('Beta Labs');
    await owner.getByLabel('Account URL').fill('beta-labs');
    await owner.getByRole('button', { name: 'Create account' }).click();
    await owner.waitForURL('**/a/beta-labs/settings/users');
    await live(owner);
    await invite(owner, ben.email, { role: 'Editor' });
    await roster.mail.to(ben.email, /Beta Labs/);

    await visit(page, '/accounts');
    await expect(page.getByText('You have one more invitation.')).toBeVisible();
    await page.getByRole('link', { name: 'View', exact: true }).click();
    await expect(page).toHaveURL(`${roster.url}/me/accounts`);
    await live(page);
    await page.getByRole('button', { name: 'Join Beta Labs' }).click();
    await expect(page).toHaveURL(/\/a\/beta-labs/);

    await visit(page, '/me/accounts');
    const beta = page.getByRole('main').getByRole('listitem').filter({ hasText: 'Beta Labs' });
    await expect(beta).toContainText('Your role: Editor');
    await beta.locator('summary').click();
    await beta.getByRole('button', { name: 'Yes, leave Beta Labs' }).click();
    await expect(page.getByText('You left Beta Labs.')).toBeVisible();
  });

  test('r48_pw_11_another_address_is_confirmed_at_the_new_one_and_taken_back_at_the_old', async () => {
    const moved = `moved-${ben.email}`;
    await visit(page, '/me');
    await page.getByLabel('New email address').fill(moved);
    await page.getByLabel('Current password').fill(NEW_PASSWORD);
    await page.getByRole('button', { name: 'Send a link to the new address' }).click();
    await expect(page.getByText(`A link is on its way to ${moved}.`)).toBeVisible();

    const phone = await people.newcomer();
    await visit(phone, (await roster.mail.to(moved, /Confirm/)).link);
    await expect(phone).toHaveURL(`${roster.url}/address`);
    await phone.getByRole('button', { name: `Yes, use ${moved}` }).click();
    await expect(phone.getByRole('heading', { name: 'Your address was changed' })).toBeVisible();
    await visit(owner, '/a/acme/settings/users');
    await expect(owner.getByRole('row').filter({ hasText: moved })).toHaveCount(1);

    const notice = await roster.mail.to(ben.email, /address .* was changed/);
    await visit(phone, notice.link);
    await phone.getByRole('button', { name: 'Yes, undo it' }).click();
    await expect(phone.getByRole('heading', { name: 'The change was undone' })).toBeVisible();
    await visit(page, '/me');
    await expect(page).toHaveURL(/\/login/);
    await visit(owner, '/a/acme/settings/users');
    await expect(owner.getByRole('row').filter({ hasText: moved })).toHaveCount(0);
  });

  test('cf_08_a_login_is_deleted_later_and_kept_by_whoever_thinks_again', async () => {
    const other = await elsewhere(ben.email, NEW_PASSWORD);
    await visit(other, '/me');
    await other.getByRole('link', { name: 'Delete your login' }).click();
    await expect(other).toHaveURL(`${roster.url}/me/delete`);
    await live(other);
    const ask = async (confirmation: string) => {
      await other.getByLabel('To confirm').fill(confirmation);
      await other.getByLabel('Current password').fill(NEW_PASSWORD);
      await other.getByRole('button', { name: 'Delete my login' }).click();
    };
    await ask('ben');
    await expect(other.getByText('The text doesn’t match.')).toBeVisible();
    await ask(ben.email);
    await expect(other.getByText('Your login is scheduled for deletion after')).toBeVisible();
    await live(other);
    await roster.mail.to(ben.email, /scheduled for deletion/);

    await visit(other, '/accounts');
    await other.getByRole('link', { name: 'Keep my login' }).click();
    await expect(other).toHaveURL(`${roster.url}/me/delete`);
    await live(other);
    await other.getByRole('button', { name: 'Keep my login' }).click();
    await expect(other.getByText('Your login stays.')).toBeVisible();
    await expect(other.getByText('Your login is scheduled for deletion')).toHaveCount(0);
  });
}
