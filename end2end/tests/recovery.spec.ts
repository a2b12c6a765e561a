import { expect, test, type Page } from '@playwright/test';
import { People, live, visit } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { PASSWORD, invite, password, setUp, signUp } from '../support/steps';

const NEW_PASSWORD = 'lantern-forty-porcupine';
const [ana, ben] = ['Ana', 'Ben'].map(person);

for (const scripting of [true, false]) {
  test.describe.serial(`a forgotten password, with scripting ${scripting ? 'on' : 'off'}`, () => forgotten(scripting));
}

function forgotten(scripting: boolean): void {
  let roster: Roster;
  let people: People;
  let page: Page;

  test.beforeAll(async ({ browser }) => {
    roster = await Roster.start({ mail: true, settings: { ROSTER_LIMITS__RECOVERY_BURST: '50' } });
    people = new People(browser, roster, [], { javaScriptEnabled: scripting });
    const owner = await people.newcomer();
    await setUp(owner, roster.setUpLink, ana, 'Acme', 'acme');
    await invite(owner, ben.email, { role: 'Admin' });
    await signUp(await people.newcomer(), (await roster.mail.to(ben.email)).link, ben);
    page = await people.newcomer();
  });

  test.afterEach(() => people.expectNoFaults());

  test.afterAll(async () => {
    await people?.close();
    await roster?.stop();
  });

  async function ask(email: string): Promise<void> {
    // The page of signing in, which may still be there, asks for an email address too.
    await expect(page.getByRole('heading', { name: 'Forgot your password?' })).toBeVisible();
    await page.getByLabel('Email address').fill(email);
    await page.getByRole('button', { name: 'Email me a link' }).click();
    await expect(page.getByText(`If there’s a login with ${email}`)).toBeVisible();
  }

  test('pw_10_a_new_password_is_chosen_from_the_sign_in_page_of_an_account_and_leads_back_there', async () => {
    await visit(page, '/login/acme?next=/a/acme/settings/users');
    await page.getByRole('link', { name: 'Forgot your password?' }).click();
    await live(page);
    await ask(ben.email);
    const mail = await roster.mail.to(ben.email, /Choose a new password/);
    await visit(page, mail.link);
    await expect(page).toHaveURL(`${roster.url}/reset-password`);
    await expect(page.getByText(ben.email)).toBeVisible();

    await password(page).fill('too short');
    await page.getByRole('button', { name: 'Change password' }).click();
    await expect(page.getByText('At least 15 characters').first()).toBeVisible();
    await password(page).fill(NEW_PASSWORD);
    // The problem goes, what was typed stays, and its strength is measured.
    if (scripting) await expect(page.locator('.strength')).toContainText('good');
    await page.getByRole('button', { name: 'Change password' }).click();
    await expect(page).toHaveURL(/\/login\/acme\?next=/);
    await expect(page.getByText('Your password was changed.')).toBeVisible();
    await live(page);

    await page.getByLabel('Email address').fill(ben.email);
    await password(page).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(page.getByText('Wrong email or password.')).toBeVisible();
    await page.getByLabel('Email address').fill(ben.email);
    await password(page).fill(NEW_PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(page).toHaveURL(/\/a\/acme\/settings\/users/);
    expect((await roster.mail.to(ben.email, /was changed/)).text).toContain('/forgot-password');
  });

  test('pw_10_a_link_that_was_used_offers_another_one', async () => {
    const other = await people.newcomer();
    await visit(other, '/reset-password');
    await expect(other.getByRole('heading', { name: 'This link no longer works' })).toBeVisible();
    await other.getByRole('link', { name: 'Ask for a new link' }).click();
    await expect(other).toHaveURL(`${roster.url}/forgot-password`);
  });

  test('en_02_an_address_that_nobody_signs_in_with_gets_the_same_answer_and_no_mail', async () => {
    await visit(page, '/forgot-password');
    await ask('nobody@example.org');
    await ask(ana.email);
    await roster.mail.to(ana.email, /Choose a new password/);
    expect(roster.mail.count('nobody@example.org')).toBe(0);
  });
}
