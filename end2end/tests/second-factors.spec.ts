import { expect, test, type CDPSession, type Page } from '@playwright/test';
import { Authenticator } from '../support/authenticator';
import { People, live, visit } from '../support/people';
import { person } from '../support/person';
import { Roster } from '../support/roster';
import { setUp, signIn, signOut } from '../support/steps';

const ana = person('Ana');

for (const scripting of [true, false]) {
  test.describe.serial(`an authenticator app, with scripting ${scripting ? 'on' : 'off'}`, () => tellOfAnApp(scripting));
}

function tellOfAnApp(scripting: boolean): void {
  let roster: Roster;
  let people: People;
  let page: Page;
  let app: Authenticator;
  let codes: string[] = [];

  test.beforeAll(async ({ browser }) => {
    roster = await Roster.start({ mail: true });
    people = new People(browser, roster, [], { javaScriptEnabled: scripting });
    page = await people.newcomer();
    await setUp(page, roster.setUpLink, ana, 'Acme', 'acme');
  });

  test.afterEach(() => people.expectNoFaults());

  test.afterAll(async () => {
    await people?.close();
    await roster?.stop();
  });

  /** Signs in by the password, which leads to the second step. */
  async function comesToSecondStep(): Promise<void> {
    await visit(page, '/login');
    await signIn(page, ana);
    await expect(page).toHaveURL(/\/second-factor$/);
    await live(page);
  }

  test('lt_07_an_app_is_set_up_by_its_picture_or_key_and_a_code', async () => {
    await visit(page, '/me/sign-in');
    await expect(page.getByText('You don’t have a second factor yet.')).toBeVisible();
    await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
    await expect(page.getByRole('heading', { name: 'Set up an authenticator app' })).toBeVisible();
    const picture = page.getByRole('img', { name: /^QR code/ });
    await expect(picture).toBeVisible();
    // The policy lets it be shown.
    expect(await picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(100);
    app = await Authenticator.from(page);

    await page.getByLabel('Name').fill('Phone');
    await page.getByLabel('Code from the app').fill('000000');
    await page.getByRole('button', { name: 'Add the app' }).click();
    await expect(page.getByText('This code is wrong or has expired.')).toBeVisible();
    await expect(page.getByLabel('Name')).toHaveValue('Phone');
    await page.getByLabel('Code from the app').fill(await app.code());
    await page.getByRole('button', { name: 'Add the app' }).click();
    await expect(page.getByText('The app was added.')).toBeVisible();

    codes = await page.locator('.recovery-codes code').allInnerTexts();
    expect(new Set(codes).size).toBe(10);
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    expect((await download).suggestedFilename()).toBe('roster-recovery-codes.txt');
    await page.getByRole('link', { name: 'Back to how you sign in' }).click();
    await expect(page.getByText('10 of 10 codes are left.')).toBeVisible();
    await expect(page.locator('.factors')).toContainText('Phone');
    const mail = await roster.mail.to(ana.email);
    expect(mail.subject).toContain('A second factor was added');
  });

  test('lt_09_the_password_alone_signs_nobody_in_any_more', async () => {
    await visit(page, '/a/acme');
    await signOut(page, ana);
    await comesToSecondStep();
    await visit(page, '/a/acme');
    await expect(page, 'no session yet').toHaveURL(/\/login\/acme/);

    await comesToSecondStep();
    await page.getByLabel('Code from your app').fill('000000');
    await page.getByRole('button', { name: 'Sign in', exact: true }).first().click();
    await expect(page.getByText('This code is wrong or has expired.')).toBeVisible();
    await page.getByLabel('Code from your app').fill(await app.code());
    await page.getByRole('button', { name: 'Sign in', exact: true }).first().click();
    await expect(page).toHaveURL(/\/a\/acme$/);
  });

  test('lt_07_a_recovery_code_stands_in_once', async () => {
    for (const again of [false, true]) {
      await visit(page, '/a/acme');
      await signOut(page, ana);
      await comesToSecondStep();
      await page.locator('summary', { hasText: 'Use a recovery code' }).click();
      await page.getByLabel('Recovery code', { exact: true }).fill(codes[again ? 1 : 0]);
      if (again) {
        await page.getByLabel('Recovery code', { exact: true }).fill(codes[0]);
        await page.locator('details').getByRole('button', { name: 'Sign in', exact: true }).click();
        await expect(page.getByText('This code is wrong or has expired.')).toBeVisible();
        await page.getByLabel('Recovery code', { exact: true }).fill(codes[1]);
      }
      await page.locator('details').getByRole('button', { name: 'Sign in', exact: true }).click();
      await expect(page).toHaveURL(/\/a\/acme$/);
    }
    await visit(page, '/me/sign-in');
    await expect(page.getByText('8 of 10 codes are left.')).toBeVisible();
  });

  test('lt_07_new_recovery_codes_are_shown_once', async () => {
    await visit(page, '/me/sign-in');
    await page.getByRole('button', { name: 'Create new recovery codes' }).click();
    await expect(page.locator('.recovery-codes code')).toHaveCount(10);
    const made = await page.locator('.recovery-codes code').allInnerTexts();
    expect(made.some((code) => codes.includes(code))).toBe(false);
    codes = made;
    await visit(page, '/me/sign-in');
    await expect(page.getByText('10 of 10 codes are left.')).toBeVisible();
    await expect(page.locator('.recovery-codes code')).toHaveCount(0);
  });

  test('a_sign_in_that_waits_no_more_is_begun_anew', async () => {
    await visit(page, '/a/acme');
    await signOut(page, ana);
    await visit(page, '/second-factor');
    await expect(page.getByText('This sign-in took too long')).toBeVisible();
    await page.getByRole('link', { name: 'Sign in again' }).click();
    await expect(page).toHaveURL(/\/login$/);
  });

  test('r49_the_operator_alone_helps_whoever_lost_everything', async () => {
    expect(await roster.command('user', 'reset-factors', '--email', ana.email)).toContain('second factors');
    await visit(page, '/login');
    await signIn(page, ana);
    await expect(page).toHaveURL(/\/a\/acme$/);
    await visit(page, '/me/sign-in');
    await expect(page.getByText('You don’t have a second factor yet.')).toBeVisible();
  });
}

/** An authenticator in the browser of a page, as its developer tools have one: it says yes to everything. */
async function withAuthenticator(page: Page, userVerified = true): Promise<{ cdp: CDPSession; id: string }> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: userVerified,
      automaticPresenceSimulation: true,
    },
  });
  return { cdp, id: authenticatorId };
}

test.describe.serial('a passkey', () => {
  let roster: Roster;
  let people: People;
  let page: Page;
  let cdp: CDPSession;
  let id: string;

  test.beforeAll(async ({ browser }) => {
    // Passkeys belong to names, and not to numbers.
    roster = await Roster.start({ mail: true, host: 'localhost' });
    people = new People(browser, roster);
    page = await people.newcomer();
    ({ cdp, id } = await withAuthenticator(page));
    await setUp(page, roster.setUpLink, ana, 'Acme', 'acme');
  });

  test.afterEach(() => people.expectNoFaults());

  test.afterAll(async () => {
    await people?.close();
    await roster?.stop();
  });

  test('lt_08_a_passkey_is_registered_by_one_touch', async () => {
    await visit(page, '/me/sign-in');
    await page.getByLabel('Name of the passkey').fill('Laptop');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await expect(page.getByText('The passkey was added.')).toBeVisible();
    await expect(page.locator('.recovery-codes code')).toHaveCount(10);
    await expect(page.locator('.factors')).toContainText('Laptop');
    const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId: id });
    expect(credentials).toHaveLength(1);
    expect(credentials[0]).toMatchObject({ isResidentCredential: true, rpId: 'localhost' });
    // The same authenticator makes no second one.
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await expect(page.getByText('This device already has a passkey for your login.')).toBeVisible();
  });

  test('lt_08_it_signs_in_after_the_password', async () => {
    await visit(page, '/a/acme');
    await signOut(page, ana);
    await visit(page, '/login');
    await signIn(page, ana);
    await expect(page).toHaveURL(/\/second-factor$/);
    await live(page);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await expect(page).toHaveURL(/\/a\/acme$/);
  });

  test('lt_08_it_signs_in_alone_where_its_user_was_verified', async () => {
    await visit(page, '/a/acme');
    await signOut(page, ana);
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: false });
    await visit(page, '/login');
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await expect(page.getByText('Cancelled, or it took too long.')).toBeVisible();
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: true });
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await expect(page).toHaveURL(/\/a\/acme$/);
  });

  test('lt_08_an_answer_that_was_used_is_refused', async () => {
    await visit(page, '/a/acme');
    await signOut(page, ana);
    await visit(page, '/login');
    const sent = page.waitForRequest('**/api/session/sign-in-by-passkey');
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    const form = (await sent).postData() ?? '';
    await expect(page).toHaveURL(/\/a\/acme$/);
    const again = await page.request.post('/api/session/sign-in-by-passkey', {
      data: form,
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/x-www-form-urlencoded',
        Origin: roster.url,
      },
    });
    expect(again.status()).toBe(401);
  });

  test('lt_08_a_copy_of_it_is_refused', async () => {
    const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId: id });
    await visit(page, '/a/acme');
    await signOut(page, ana);
    await cdp.send('WebAuthn.removeCredential', { authenticatorId: id, credentialId: credentials[0].credentialId });
    await cdp.send('WebAuthn.addCredential', { authenticatorId: id, credential: { ...credentials[0], signCount: 0 } });
    await visit(page, '/login');
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await expect(page.getByText('This passkey wasn’t accepted.')).toBeVisible();
    await expect(page).toHaveURL(/\/login$/);
  });

  test('lt_08_an_answer_of_another_origin_is_refused', async () => {
    const other = await Roster.start({ mail: false, host: 'localhost' });
    const strangers = new People(page.context().browser()!, other);
    const elsewhere = await strangers.newcomer();
    const there = await withAuthenticator(elsewhere);
    // The same passkey, on a page of another port: the browser answers, as the name is the same, and says which origin it was.
    const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId: id });
    await there.cdp.send('WebAuthn.addCredential', {
      authenticatorId: there.id,
      credential: { ...credentials[0], signCount: 1000 },
    });
    const asked = await page.request.post('/api/session/begin-passkey-sign-in', {
      data: '',
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/x-www-form-urlencoded',
        Origin: roster.url,
      },
    });
    const challenge = (await asked.json()) as { id: string; options: string };
    await visit(elsewhere, '/login');
    const credential = await elsewhere.evaluate(async (options) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(options));
      const answer = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
      return JSON.stringify(answer.toJSON());
    }, challenge.options);
    const form = new URLSearchParams({ 'form[challenge]': challenge.id, 'form[credential]': credential });
    const answered = await page.request.post('/api/session/sign-in-by-passkey', {
      data: form.toString(),
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/x-www-form-urlencoded',
        Origin: roster.url,
      },
    });
    expect(answered.status()).toBe(401);
    await strangers.close();
    await other.stop();
  });

  test('lt_08_without_scripting_the_pages_say_what_is_needed', async () => {
    const plain = await people.newcomer({ javaScriptEnabled: false });
    await plain.goto('/login');
    await expect(plain.getByText('Passkeys need JavaScript')).toBeVisible();
    await expect(plain.getByRole('button', { name: 'Sign in with a passkey' })).toBeHidden();
  });
});
