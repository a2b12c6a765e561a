import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { OpenIdProvider } from '../providers/openid';
import { known } from '../providers/people';
import { Authenticator } from '../support/authenticator';
import { addWithDraft, continueWith, testAs } from '../support/login-methods';
import { People, visit } from '../support/people';
import { person } from '../support/person';
import { Roster } from '../support/roster';
import { edit, invite, setUp, signOut, signUp } from '../support/steps';

const [ana, ben, cleo] = ['Ana', 'Ben', 'Cleo'].map(person);

for (const scripting of [true, false]) {
  test.describe.serial(`a required second factor, with scripting ${scripting ? 'on' : 'off'}`, () => tellOfIt(scripting));
}

function tellOfIt(scripting: boolean): void {
  let roster: Roster;
  let people: People;
  let provider: OpenIdProvider;
  let owner: Page;
  let member: Page;

  test.beforeAll(async ({ browser }) => {
    provider = await OpenIdProvider.start();
    roster = await Roster.start({ mail: true, providers: true });
    people = new People(browser, roster, [provider], { javaScriptEnabled: scripting });
    owner = await people.newcomer();
    await setUp(owner, roster.setUpLink, ana, 'Acme', 'acme');
    await invite(owner, ben.email, { role: 'Viewer' });
    member = await people.newcomer();
    await signUp(member, (await roster.mail.to(ben.email)).link, ben);
  });

  test.afterEach(() => people.expectNoFaults());

  test.afterAll(async () => {
    await people?.close();
    await roster?.stop();
    await provider?.stop();
  });

  /** Sets up the app whose key a page shows, and answers it. */
  async function addsApp(page: Page): Promise<Authenticator> {
    const app = await Authenticator.from(page);
    await page.getByLabel('Code from the app').fill(await app.code());
    await page.getByRole('button', { name: 'Add the app' }).click();
    return app;
  }

  test('lt_09_r33_an_owner_sets_up_a_second_factor_first_and_then_requires_it', async () => {
    await visit(owner, '/a/acme');
    await owner.getByRole('link', { name: 'Security' }).click();
    await expect(owner.getByText('Set up a second factor yourself first')).toBeVisible();
    await expect(owner.getByText('2 of 2 members don’t have a second factor yet.')).toBeVisible();
    await owner.getByRole('link', { name: 'Set up a second factor' }).click();
    await owner.getByRole('button', { name: 'Set up an authenticator app' }).click();
    await addsApp(owner);
    await expect(owner.getByText('The app was added.')).toBeVisible();

    await visit(owner, '/a/acme/settings/security');
    await owner.getByRole('radio', { name: 'Specific roles' }).check();
    await owner.getByLabel('Days until it is required').fill('31');
    await owner.getByRole('button', { name: 'Save', exact: true }).first().click();
    await expect(owner.getByText('Choose at least one.')).toBeVisible();
    await owner.getByRole('radio', { name: 'Everyone' }).check();
    await owner.getByRole('button', { name: 'Save', exact: true }).first().click();
    await expect(owner.getByText('Enter a whole number from 0 to 30.').first()).toBeVisible();
    await expect(owner.getByRole('radio', { name: 'Everyone' })).toBeChecked();
    await owner.getByLabel('Days until it is required').fill('0');
    await owner.getByRole('button', { name: 'Save', exact: true }).first().click();
    await expect(owner.getByText('Required for everyone')).toBeVisible();
    await expect(owner.getByText('1 of 2 members don’t have a second factor yet.')).toBeVisible();
  });

  test('lt_09_a_member_is_led_to_a_second_factor_and_sees_nothing_else_before', async () => {
    await visit(member, '/a/acme');
    await expect(member).toHaveURL(/\/a\/acme\/second-factor/);
    await expect(member.getByText('Acme requires a second factor.')).toBeVisible();
    // What waits behind it, and nothing of the account itself.
    await expect(member.getByRole('main')).toContainText('As soon as you have one, this is yours:RoleViewer');
    await expect(member.getByRole('main')).not.toContainText(ana.name);
    await member.getByRole('link', { name: 'Set up a second factor' }).click();
    await expect(member.getByText('Requires it now')).toBeVisible();
    await member.getByRole('button', { name: 'Set up an authenticator app' }).click();
    await addsApp(member);
    await member.getByRole('link', { name: 'Back to how you sign in' }).click();
    await member.getByRole('link', { name: 'Open Acme' }).click();
    await expect(member).toHaveURL(/\/a\/acme$/);
    await expect(member.getByRole('main')).toContainText('Viewer');
  });

  test('oa_12_lt_09_whoever_comes_by_a_provider_sets_one_up_for_the_account', async () => {
    const sso = await addWithDraft(owner, 'acme', 'Acme ID', provider);
    await testAs(owner, sso, 'Ana');
    await visit(owner, '/a/acme/settings/security');
    await expect(owner.getByText('In the last test, the provider reported nothing about how you signed in.')).toBeVisible();
    await visit(owner, '/a/acme/settings/users');
    await invite(owner, cleo.email, { role: 'Editor', by: { method: 'Acme ID', identifier: known(provider.people, 'Cleo').identifier } });
    const page = await people.newcomer();
    await visit(page, (await roster.mail.to(cleo.email)).link);
    await continueWith(page, 'Acme ID', 'Cleo');
    await page.getByLabel('Your name').waitFor();
    await page.getByRole('button', { name: /^Join/ }).click();
    await expect(page).toHaveURL(/\/a\/acme\/second-factor/);
    await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
    await expect(page.getByRole('img', { name: /^QR code/ })).toBeVisible();
    if (scripting) await expectAccessible(page);
    await page.getByLabel('Code from the app').fill('000000');
    await page.getByRole('button', { name: 'Add the app' }).click();
    await expect(page.getByText('This code is wrong or has expired.')).toBeVisible();
    const app = await addsApp(page);
    await expect(page).toHaveURL(/\/a\/acme$/);
    await signOut(page, cleo);

    await visit(page, '/login/acme');
    await continueWith(page, 'Acme ID', 'Cleo');
    await expect(page).toHaveURL(/\/a\/acme\/second-factor/);
    if (scripting) await expectAccessible(page);
    await page.getByLabel('Code from your app').fill(await app.code());
    await page.getByRole('button', { name: 'Confirm', exact: true }).click();
    await expect(page).toHaveURL(/\/a\/acme$/);
  });

  test('r49_lt_09_the_owner_sees_that_a_member_has_one', async () => {
    await visit(owner, '/a/acme/settings/users');
    const dialog = await edit(owner, ben);
    await expect(dialog.getByText('Has a second factor.')).toBeVisible();
  });

  /** Looks at a page that is reached by doing things alone, as the pages of `places.ts` are looked at. */
  async function expectAccessible(page: Page): Promise<void> {
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)).toEqual([]);
  }
}
