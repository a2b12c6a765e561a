import type { Browser, Page } from '@playwright/test';
import { OpenIdProvider } from '../providers/openid';
import { known } from '../providers/people';
import { PlainProvider } from '../providers/plain';
import { Authenticator } from './authenticator';
import { add, addWithDraft, cancelThere, continueWith, loginMethods, saveDraft, testAs } from './login-methods';
import { People, live, visit } from './people';
import { Roster } from './roster';
import { person as somebody } from './person';
import { PASSWORD, choose, invite, line, menu, password, setUp, signIn, signUp, type WayIn } from './steps';

/** Every page and dialog that there is, in every state that looks different. */
export const PLACES = [
  'set-up',
  'set-up-done',
  'set-up-needs-link',
  'sign-in',
  'sign-in-refused',
  'sign-in-to-account',
  'login-account-with-provider',
  'forgotten-password',
  'forgotten-password-asked',
  'reset-password',
  'reset-password-ended',
  'second-step',
  'second-step-refused',
  'second-step-ended',
  'accounts',
  'own-profile',
  'own-profile-saved',
  'own-profile-address-awaited',
  'own-sign-in',
  'own-sign-in-refused',
  'own-factors',
  'own-authenticator',
  'own-reauthenticated',
  'own-sessions',
  'own-accounts',
  'own-activity',
  'own-deletion',
  'own-deletion-asked',
  'address-confirm',
  'address-ended',
  'account',
  'account-owner',
  'users-alone',
  'users',
  'users-compact',
  'users-attention',
  'users-menu',
  'users-selected',
  'users-several',
  'users-several-permission',
  'users-none-found',
  'new-users',
  'new-users-file',
  'new-users-done',
  'new-user',
  'new-user-several',
  'new-user-refused',
  'new-user-removed-before',
  'new-user-by-provider',
  'new-user-first-sign-in',
  'edit',
  'edit-invited',
  'edit-changed',
  'edit-login-method',
  'remove',
  'withdraw',
  'person',
  'person-invited',
  'person-removed',
  'outbox',
  'outbox-without-mail-server',
  'audit',
  'audit-none-found',
  'access',
  'access-before-anybody',
  'users-without-mail-server',
  'reauthenticated',
  'login-methods',
  'login-method-new',
  'login-method-refused',
  'login-method-tested',
  'login-method-test-failed',
  'api-keys',
  'api-keys-refused',
  'api-keys-made',
  'webhooks',
  'webhook-new',
  'webhook-new-refused',
  'webhook-made',
  'webhook',
  'roles',
  'roles-who-can',
  'role-new',
  'role-new-refused',
  'role',
  'role-changed',
  'role-without-people',
  'role-built-in',
  'role-above',
  'account-offered',
  'account-settings',
  'account-settings-offering',
  'account-settings-refused',
  'account-deletion',
  'account-deletion-told',
  'security',
  'security-required',
  'required-factor',
  'required-factor-done',
  'decision',
  'decision-request',
  'sign-up',
  'sign-up-refused',
  'sign-in-to-join',
  'join',
  'somebody-else',
  'invitation-by-provider',
  'invitation-by-provider-returned',
  'invitation-somebody-else-came',
  'invitation-refusing',
  'invitation-refused',
  'link-unknown',
  'link-used',
  'link-withdrawn',
  'no-longer-a-member',
  'not-allowed',
  'not-found',
  'platform-choose',
  'platform-no-account',
  'platform-not-in-account',
  'platform-unknown-client',
  'platform-unknown-address',
  'platform-expired',
  'platform-sign-out',
] as const;

export type PlaceName = (typeof PLACES)[number];

/** One of them: in whose browser, at which address, and what is done there before it is looked at. */
export interface Place {
  page: Page;
  address: string;
  /** A document of the server's own, which the app never takes over. */
  plain?: boolean;
  then?: (page: Page) => Promise<void>;
}

/** Opens a place, live and ready to be looked at. */
export async function open({ page, address, plain, then }: Place): Promise<Page> {
  await (plain ? page.goto(address) : visit(page, address));
  await then?.(page);
  return page;
}

/** Servers with accounts, people and invitations in all states, so that there is something to see everywhere. */
export class Town {
  /** The further browsers of those who look with scripting off. */
  private readonly plain = new Map<Page, Page>();

  private constructor(
    private readonly servers: { roster: Roster; people: People }[],
    private readonly providers: { stop(): Promise<void> }[],
    readonly places: Record<PlaceName, Place>,
  ) {}

  /** Builds one. `mark` is added to every free text that a person, an account, a provider or the mail server brings. */
  static async build(browser: Browser, mark = ''): Promise<Town> {
    const person = (name: string) => ({ ...somebody(name), name: somebody(name).name + mark });
    const servers: { roster: Roster; people: People }[] = [];
    const [openid, plain] = await Promise.all([OpenIdProvider.start(), PlainProvider.start()]);
    for (const known of [...openid.people, ...plain.people]) known.lastName += mark;
    const start = async (mail: boolean) => {
      // Looking at everything takes longer than a sign-in counts as fresh, and one address alone goes to the providers for all.
      const settings = { ROSTER_SESSIONS__STEP_UP_MINUTES: '60', ROSTER_LIMITS__SIGN_IN_BURST: '200', ROSTER_LIMITS__RECOVERY_BURST: '200' };
      const roster = await Roster.start({ mail, providers: true, settings });
      if (mail) roster.mail.refusal += mark;
      servers.push({ roster, people: new People(browser, roster, [openid, plain]) });
      return servers[servers.length - 1];
    };
    const { roster, people } = await start(true);
    const untouched = await start(false);
    const mailless = await start(false);

    const owner = await people.newcomer();
    await setUp(owner, roster.setUpLink, person('Ana'), `Acme Support${mark}`, 'acme');
    const users = '/a/acme/settings/users';
    const mailed = async (name: string, role: string, extras: string[] = [], by?: WayIn) => {
      await visit(owner, users);
      await invite(owner, person(name).email, { role, extras, by });
      return (await roster.mail.to(person(name).email)).link;
    };
    const joined = async (name: string, role: string, extras: string[] = []) => {
      const link = await mailed(name, role, extras);
      const page = await people.newcomer();
      await signUp(page, link, person(name));
      return { page, link };
    };
    const member = async (name: string, action: string) => {
      await visit(owner, `${users}?q=${name}`);
      const href = await line(owner, person(name)).getByRole('link', { name: new RegExp(`^${action}`) }).getAttribute('href');
      return new URL(href ?? '', roster.url).pathname;
    };
    const personPage = async (name: string, state = '') => {
      await visit(owner, `${users}?q=${name}&state=${state}`);
      const href = await line(owner, person(name)).getByRole('rowheader').getByRole('link').getAttribute('href');
      return new URL(href ?? '', roster.url).pathname;
    };
    const remove = async (name: string) => {
      await visit(owner, await member(name, 'Remove'));
      await owner.getByRole('dialog').getByRole('button', { name: /^(Remove|Withdraw invitation)$/ }).click();
      await owner.getByRole('dialog').waitFor({ state: 'hidden' });
    };

    const ben = await joined('Ben', 'Viewer', ['Export analytics']);
    const carla = await joined('Carla', 'Admin');
    const dora = await joined('Dora', 'Agent');
    const sina = await joined('Sina', 'Viewer');
    await visit(sina.page, '/me/sign-in');
    await sina.page.getByRole('button', { name: 'Set up an authenticator app' }).click();
    const app = await Authenticator.from(sina.page);
    await sina.page.getByLabel('Name').fill(`Phone${mark}`);
    await sina.page.getByLabel('Code from the app').fill(await app.code());
    await sina.page.getByRole('button', { name: 'Add the app' }).click();
    await sina.page.getByText('The app was added').waitFor();
    await visit(owner, '/accounts');
    await owner.getByLabel('Account name').fill(`Delta${mark}`);
    await owner.getByLabel('Account URL').fill('delta');
    await owner.getByRole('button', { name: 'Create account' }).click();
    await owner.waitForURL('**/a/delta/settings/users');
    for (const [name, page, role] of [['Sina', sina.page, 'Owner'], ['Ben', ben.page, 'Editor']] as const) {
      await visit(owner, '/a/delta/settings/users');
      await invite(owner, person(name).email, { role });
      await visit(page, (await roster.mail.to(person(name).email, /Delta/)).link);
      await page.getByRole('button', { name: /^Join/ }).click();
      await page.waitForURL(/\/a\/delta/);
    }
    await visit(owner, '/a/acme/settings/account');
    await owner.getByLabel('Email address of the new owner').fill(person('Carla').email);
    await owner.getByRole('button', { name: 'Offer ownership' }).click();
    await owner.getByText('Ownership offered.').waitFor();
    await visit(sina.page, '/a/delta/settings/security');
    await sina.page.getByRole('radio', { name: 'Everyone' }).check();
    await sina.page.getByLabel('Days until it is required').fill('0');
    await sina.page.getByRole('button', { name: 'Save', exact: true }).first().click();
    await sina.page.getByText('Required for everyone').waitFor();
    const gone = await mailed('Fred', 'Editor');
    await mailed('Gina', 'Analyst');
    const hugo = await mailed('Hugo', 'Editor', ['Export analytics']);
    await visit(owner, users);
    await invite(owner, 'refused@example.org', { role: 'Viewer' });
    const fred = await people.newcomer();
    await visit(fred, gone);
    await remove('Fred');
    await remove('Dora');

    await visit(owner, '/accounts');
    await owner.getByLabel('Account name').fill(`Beta Labs${mark}`);
    await owner.getByLabel('Account URL').fill('beta-labs');
    await owner.getByRole('button', { name: 'Create account' }).click();
    await owner.waitForURL('**/a/beta-labs/settings/users');
    await invite(owner, person('Ben').email, { role: 'Editor' });
    const second = (await roster.mail.to(person('Ben').email)).link;
    await visit(owner, '/accounts');
    await owner.getByLabel('Account name').fill(`Gamma${mark}`);
    await owner.getByLabel('Account URL').fill('gamma');
    await owner.getByRole('button', { name: 'Create account' }).click();
    await owner.waitForURL('**/a/gamma/settings/users');
    await visit(owner, '/accounts');
    await owner.getByLabel('Account name').fill('Epsilon');
    await owner.getByLabel('Account URL').fill('epsilon');
    await owner.getByRole('button', { name: 'Create account' }).click();
    await owner.waitForURL('**/a/epsilon/settings/users');
    await visit(owner, '/a/epsilon/settings/account');
    await owner.getByLabel('To confirm, type the name of the account').fill('Epsilon');
    await owner.getByRole('button', { name: 'Delete this account' }).click();
    await owner.getByText('The account is scheduled for deletion in 14 days.').waitFor();

    const acmeId = `Acme ID${mark}`;
    const method = await addWithDraft(owner, 'acme', acmeId, openid);
    await testAs(owner, method, 'Ana');
    await addWithDraft(owner, 'acme', `Acme Hub${mark}`, plain);
    const empty = await add(owner, 'acme', 'Acme', plain);
    const byProvider = async (name: string, identifier: string, lastName?: string) => {
      const page = await people.newcomer();
      const link = await mailed(name, 'Editor', [], { method: acmeId, identifier, firstName: lastName && name, lastName });
      return { page, link };
    };
    const cleo = await byProvider('Cleo', known(openid.people, 'Cleo').identifier);
    const dan = await byProvider('Dan', known(openid.people, 'Dan').identifier, 'Example');
    const eve = await byProvider('Eve', `00u-neither-of-them${mark}`);
    await visit(eve.page, eve.link);
    await continueWith(eve.page, acmeId, 'Eve');
    await eve.page.getByText('You signed in with a different account').waitFor();
    const cameAs = new URL(eve.page.url());
    await visit(owner, users);
    const decision = await line(owner, person('Eve')).getByRole('link', { name: /^Decide/ }).getAttribute('href');

    // Somebody asks to be invited by the address that they have.
    await visit(owner, '/a/gamma/settings/users');
    await invite(owner, person('Gina').email, { role: 'Viewer' });
    await visit(carla.page, (await roster.mail.to(person('Gina').email, /Gamma/)).link);
    await carla.page.getByRole('button', { name: /^Ask to be invited as/ }).click();
    await carla.page.getByText('have been asked').waitFor();
    await visit(owner, '/a/gamma/settings/users');
    const request = await line(owner, person('Gina')).getByRole('link', { name: /^Decide/ }).getAttribute('href');

    const firstSignIn = await add(owner, 'beta-labs', `Beta ID${mark}`, openid);
    await owner.locator('summary', { hasText: 'More settings' }).click();
    await owner.getByLabel('Invitations without an identifier').selectOption({ label: 'Allowed, fixed at first sign-in' });
    await saveDraft(owner, firstSignIn, await openid.registerClient(firstSignIn));
    await testAs(owner, firstSignIn, 'Ana');

    const role = async (name: string, copied: string, more: string[] = []) => {
      await visit(owner, '/a/acme/settings/roles');
      await owner.getByRole('link', { name: `Copy ${copied}`, exact: true }).click();
      await owner.getByLabel('Name', { exact: true }).fill(name + mark);
      for (const permission of more) await owner.getByRole('checkbox', { name: permission }).check();
      await owner.getByRole('button', { name: 'Create role' }).click();
      const href = await owner.getByRole('link', { name: name + mark, exact: true }).first().getAttribute('href');
      return href ?? '';
    };
    const lead = await role('Support lead', 'Agent', ['Publish bots']);
    const bills = await role('Bookkeeping', 'Viewer', ['Manage billing']);
    await joined('Rosa', `Support lead${mark}`);
    const nele = await people.newcomer();
    await visit(nele, await mailed('Nele', 'Viewer'));
    await nele.locator('summary', { hasText: 'Never again' }).click();
    await nele.getByRole('button', { name: 'Never invite me again' }).click();
    await nele.getByText('cannot invite this address any more').waitFor();

    const back = 'http://127.0.0.1:9/back';
    await roster.command('client', 'add', '--id', 'bots', '--name', 'Bots', '--redirect-uri', back);
    const asks = (more: Record<string, string> = {}) => {
      const pkce = { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' };
      const asked = { client_id: 'bots', redirect_uri: back, response_type: 'code', scope: 'openid', state: 'state', ...pkce, ...more };
      return `/oidc/authorize?${new URLSearchParams(asked)}`;
    };
    const stranger = await people.newcomer();
    const invited = await people.newcomer();
    await visit(invited, hugo);
    const signUpPage = invited.url();
    const knownButSignedOut = await people.newcomer();

    const forgetful = await people.newcomer();
    await visit(forgetful, '/forgot-password');
    await forgetful.getByLabel('Email address').fill(person('Carla').email);
    await forgetful.getByRole('button', { name: 'Email me a link' }).click();
    await visit(forgetful, (await roster.mail.to(person('Carla').email, /password/)).link);

    const mover = await joined('Mona', 'Viewer');
    await visit(mover.page, '/me');
    await mover.page.getByLabel('New email address').fill(`moved-${person('Mona').email}`);
    await mover.page.getByLabel('Current password').fill(PASSWORD);
    await mover.page.getByRole('button', { name: 'Send a link' }).click();
    const confirm = (await roster.mail.to(`moved-${person('Mona').email}`)).link;

    const leaver = await joined('Otto', 'Viewer');
    await visit(leaver.page, '/me/delete');
    await leaver.page.getByLabel('To confirm').fill(person('Otto').email);
    await leaver.page.getByLabel('Current password').fill(PASSWORD);
    await leaver.page.getByRole('button', { name: 'Delete my login' }).click();
    await leaver.page.getByText('Your login is scheduled for deletion').first().waitFor();

    const founder = await untouched.people.newcomer();
    await visit(founder, untouched.roster.setUpLink);
    const early = await untouched.people.newcomer();

    const mailer = await mailless.people.newcomer();
    await setUp(mailer, mailless.roster.setUpLink, person('Ana'), `Acme${mark}`, 'acme');
    await invite(mailer, person('Ben').email, { role: 'Editor' });

    const places: Record<PlaceName, Place> = {
      'set-up': { page: founder, address: '/setup' },
      'set-up-done': { page: stranger, address: '/setup' },
      'set-up-needs-link': { page: early, address: '/setup' },
      'sign-in': { page: stranger, address: '/login' },
      'sign-in-refused': {
        page: stranger,
        address: '/login',
        then: async (page) => {
          await page.getByLabel('Email address').fill('nobody@example.org');
          await password(page).fill('certainly-not-the-password');
          await page.getByRole('button', { name: 'Sign in', exact: true }).click();
          await page.getByText('Wrong email or password').waitFor();
        },
      },
      'sign-in-to-account': { page: stranger, address: '/login/beta-labs' },
      'login-account-with-provider': { page: stranger, address: '/login/acme' },
      'forgotten-password': { page: stranger, address: '/forgot-password?next=/login/acme' },
      'forgotten-password-asked': {
        page: stranger,
        address: '/forgot-password',
        then: async (page) => {
          await page.getByLabel('Email address').fill('nobody@example.org');
          await page.getByRole('button', { name: 'Email me a link' }).click();
          await page.getByText('If there’s a login with nobody@example.org').waitFor();
        },
      },
      'reset-password': { page: forgetful, address: '/reset-password' },
      'reset-password-ended': { page: stranger, address: '/reset-password' },
      'second-step': {
        page: stranger,
        address: '/login',
        then: async (page) => {
          await signIn(page, person('Sina'));
          await page.getByLabel('Code from your app').waitFor();
          await live(page);
        },
      },
      'second-step-refused': {
        page: stranger,
        address: '/login',
        then: async (page) => {
          await signIn(page, person('Sina'));
          await page.getByLabel('Code from your app').waitFor();
          await live(page);
          // Nothing typed is no try: those are few.
          await page.getByRole('button', { name: 'Sign in', exact: true }).first().click();
          await page.getByText('Please fill in this field').first().waitFor();
        },
      },
      'second-step-ended': { page: early, address: '/second-factor' },
      accounts: { page: owner, address: '/accounts' },
      'own-profile': { page: owner, address: '/me' },
      'own-profile-saved': {
        page: ben.page,
        address: '/me',
        then: async (page) => {
          await page.getByRole('button', { name: 'Save', exact: true }).click();
          await page.getByText('Profile saved').waitFor();
        },
      },
      'own-profile-address-awaited': { page: mover.page, address: '/me' },
      'own-sign-in': { page: ben.page, address: '/me/sign-in' },
      'own-sign-in-refused': {
        page: ben.page,
        address: '/me/sign-in',
        then: async (page) => {
          await page.getByLabel('Current password').fill('certainly-not-the-password');
          await page.getByLabel('New password').fill('lantern-forty-porcupine');
          await page.getByRole('button', { name: 'Change password' }).click();
          await page.getByText('This isn’t your current password').waitFor();
          // With scripting, the new one is measured a moment after it was typed.
          if (await page.locator('html[data-hydrated]').count()) await page.locator('.strength-bars').waitFor();
        },
      },
      'own-factors': { page: sina.page, address: '/me/sign-in' },
      'own-authenticator': {
        page: ben.page,
        address: '/me/sign-in',
        then: async (page) => {
          await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
          await page.getByLabel('Code from the app').waitFor();
        },
      },
      'own-reauthenticated': { page: ben.page, address: '/me/reauthenticate' },
      'own-sessions': { page: ben.page, address: '/me/sessions' },
      'own-accounts': { page: ben.page, address: '/me/accounts' },
      'own-activity': { page: ben.page, address: '/me/activity' },
      'own-deletion': { page: ben.page, address: '/me/delete' },
      'own-deletion-asked': { page: leaver.page, address: '/accounts' },
      'address-confirm': { page: mover.page, address: confirm },
      'address-ended': { page: stranger, address: '/address' },
      account: { page: ben.page, address: '/a/acme' },
      'account-owner': { page: owner, address: '/a/acme' },
      'users-alone': { page: owner, address: '/a/gamma/settings/users' },
      users: { page: owner, address: users },
      'users-compact': { page: owner, address: `${users}?rows=compact&sort=-active` },
      'users-attention': { page: owner, address: `${users}?state=attention` },
      'users-menu': {
        page: owner,
        address: users,
        then: async (page) => void (await menu(page, person('Gina'))),
      },
      'users-selected': {
        page: owner,
        address: users,
        then: async (page) => {
          for (const name of ['Ben', 'Gina']) await line(page, person(name)).getByRole('checkbox').check();
        },
      },
      'users-several': {
        page: owner,
        address: users,
        then: async (page) => {
          for (const name of ['Ana', 'Ben', 'Gina']) await line(page, person(name)).getByRole('checkbox').check();
          await page.locator('.bulk-bar').getByRole('button', { name: 'Remove' }).click();
          await page.getByRole('dialog').waitFor();
        },
      },
      'users-several-permission': {
        page: owner,
        address: users,
        then: async (page) => {
          for (const name of ['Ana', 'Ben', 'Gina']) await line(page, person(name)).getByRole('checkbox').check();
          await page.locator('.bulk-bar').getByRole('button', { name: 'Change a permission' }).click();
          await page.getByRole('dialog').getByLabel('Extra permission').selectOption({ label: 'Manage billing' });
          await page.getByText('get the permission').waitFor();
        },
      },
      'users-none-found': { page: owner, address: `${users}?q=nobody+of+that+name` },
      'new-user': { page: owner, address: `${users}/new` },
      'new-user-several': {
        page: owner,
        address: `${users}/new`,
        then: async (page) => {
          await page.getByLabel('User email address').fill(`hugo@example.org, ${person('Ben').email}, ${person('Dora').email}, nobody, ida@example.org`);
          await page.getByRole('listitem').filter({ hasText: 'had ' }).first().waitFor();
        },
      },
      'new-user-refused': {
        page: owner,
        address: `${users}/new`,
        then: async (page) => {
          await page.getByLabel('User email address').fill('two..dots@example.org');
          await page.getByRole('button', { name: 'Invite', exact: true }).click();
          await page.getByText('This isn’t an email address').first().waitFor();
        },
      },
      'new-user-removed-before': {
        page: owner,
        address: `${users}/new`,
        then: async (page) => {
          await page.getByLabel('User email address').fill(person('Dora').email);
          await page.getByRole('button', { name: 'Invite', exact: true }).click();
          await page.getByText('used to be a member').waitFor();
        },
      },
      'new-user-by-provider': {
        page: owner,
        address: `${users}/new`,
        then: async (page) => {
          await page.getByRole('radio', { name: acmeId }).check();
          await page.getByLabel('User identifier').waitFor();
        },
      },
      'new-user-first-sign-in': {
        page: owner,
        address: '/a/beta-labs/settings/users/new',
        then: async (page) => {
          await page.getByRole('radio', { name: firstSignIn.name }).check();
          await page.getByText('it is then fixed when the person first signs in').waitFor();
        },
      },
      'new-users': {
        page: owner,
        address: `${users}/new/several`,
        then: (page) => page.getByLabel('Email addresses').fill('Hugo Example <hugo@example.org>\nnobody'),
      },
      'new-users-file': {
        page: owner,
        address: `${users}/new/several`,
        then: async (page) => {
          const rows = Array.from({ length: 80 }, (_, n) => `guest${n}@example.org,Analyst`);
          const text = ['email,role', ...rows, `${person('Dora').email},`, `${person('Ben').email},`, 'nobody,', 'king@example.org,King'].join('\n');
          await page.getByLabel('Choose a CSV file').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
          await page.getByRole('button', { name: 'Invite 80 people' }).waitFor();
        },
      },
      'new-users-done': {
        page: owner,
        address: `${users}/new/several`,
        then: async (page) => {
          await page.getByLabel('Email addresses').fill(`hugo@example.org, nobody, ${person('Dora').email}`);
          await page.getByRole('button', { name: 'Invite', exact: true }).click();
          await page.getByText('people were invited').waitFor();
        },
      },
      edit: { page: owner, address: await member('Ben', 'Edit') },
      'edit-invited': { page: owner, address: await member('Gina', 'Edit') },
      'edit-changed': {
        page: owner,
        address: await member('Ben', 'Edit'),
        then: (page) => choose(page.getByRole('dialog'), { role: 'Analyst' }),
      },
      'edit-login-method': {
        page: owner,
        address: await member('Dan', 'Edit'),
        then: async (page) => {
          await page.locator('summary', { hasText: 'Change login method or identifier' }).click();
          await page.getByLabel('User identifier').waitFor();
        },
      },
      remove: { page: owner, address: await member('Carla', 'Remove') },
      withdraw: { page: owner, address: await member('Gina', 'Remove') },
      person: { page: owner, address: await personPage('Ben') },
      'person-invited': { page: owner, address: await personPage('Gina') },
      'person-removed': { page: owner, address: await personPage('Dora', 'removed') },
      outbox: { page: owner, address: '/a/acme/settings/outbox' },
      audit: { page: owner, address: '/a/acme/settings/audit' },
      access: { page: owner, address: '/a/acme/settings/audit/access' },
      'access-before-anybody': { page: owner, address: '/a/acme/settings/audit/access?day=2020-01-31&time=12:00' },
      'audit-none-found': { page: owner, address: '/a/acme/settings/audit?person=nobody%40example.org&kind=left' },
      'outbox-without-mail-server': { page: mailer, address: '/a/acme/settings/outbox' },
      'users-without-mail-server': { page: mailer, address: '/a/acme/settings/users' },
      reauthenticated: { page: owner, address: `/a/acme/reauthenticate?next=${loginMethods('acme')}` },
      'login-methods': { page: owner, address: loginMethods('acme') },
      'login-method-new': { page: owner, address: `${empty.settings}?preset=oauth` },
      'login-method-refused': {
        page: owner,
        address: `${empty.settings}?preset=oauth`,
        then: async (page) => {
          await page.getByRole('button', { name: 'Save draft' }).click();
          await page.getByText('Please fill in this field').first().waitFor();
        },
      },
      'login-method-tested': { page: owner, address: method.settings, then: (page) => testAs(page, method, 'Ana') },
      'login-method-test-failed': {
        page: owner,
        address: method.settings,
        then: async (page) => {
          await page.getByRole('link', { name: 'Test sign-in' }).click();
          await cancelThere(page);
          await page.getByText('The test didn’t pass').waitFor();
        },
      },
      'api-keys': { page: owner, address: '/a/acme/settings/api-keys' },
      'api-keys-refused': {
        page: owner,
        address: '/a/acme/settings/api-keys',
        then: async (page) => {
          await page.getByRole('button', { name: 'Create API key' }).click();
          await page.locator('[aria-invalid=true]').first().waitFor();
        },
      },
      'api-keys-made': {
        page: owner,
        address: '/a/acme/settings/api-keys',
        then: async (page) => {
          await page.getByLabel('Name', { exact: true }).fill(`Deploy server${mark}`);
          await page.getByRole('checkbox', { name: 'See users' }).check();
          await page.getByRole('button', { name: 'Create API key' }).click();
          await page.getByText('It is shown only this once').waitFor();
        },
      },
      webhooks: { page: owner, address: '/a/acme/settings/webhooks' },
      'webhook-new': { page: owner, address: '/a/acme/settings/webhooks/new' },
      'webhook-new-refused': {
        page: owner,
        address: '/a/acme/settings/webhooks/new',
        then: async (page) => {
          await page.getByLabel('Only these events').check();
          await page.getByRole('button', { name: 'Add webhook' }).click();
          await page.locator('[aria-invalid=true]').first().waitFor();
        },
      },
      'webhook-made': {
        page: owner,
        address: '/a/acme/settings/webhooks/new',
        then: async (page) => {
          await page.getByRole('textbox', { name: 'Address', exact: true }).fill('https://hooks.example.org/roster');
          await page.getByLabel('Description').fill(`Platform${mark}`);
          await page.getByRole('button', { name: 'Add webhook' }).click();
          await page.getByText('It is shown only this once').waitFor();
        },
      },
      webhook: {
        page: owner,
        address: '/a/acme/settings/webhooks/new',
        then: async (page) => {
          await page.getByRole('textbox', { name: 'Address', exact: true }).fill('https://hooks.example.org/roster');
          await page.getByLabel('Description').fill(`Platform${mark}`);
          await page.getByRole('button', { name: 'Add webhook' }).click();
          await page.getByRole('link', { name: 'Open this webhook' }).click();
          await page.getByRole('button', { name: 'Send a test event' }).click();
          await page.getByText('webhook.test').first().waitFor();
          // Once the first attempt has come to its end, the page says the same whenever it is looked at.
          await page.getByText('Next attempt').first().waitFor();
          await page.reload();
          await page.getByText('Nothing has been delivered since').waitFor();
          await live(page);
        },
      },
      roles: { page: owner, address: '/a/acme/settings/roles' },
      'roles-who-can': { page: owner, address: '/a/acme/settings/roles?permission=bots.publish' },
      'role-new': { page: owner, address: '/a/acme/settings/roles/new?from=editor' },
      'role-new-refused': {
        page: owner,
        address: '/a/acme/settings/roles/new',
        then: async (page) => {
          await page.getByLabel('Name', { exact: true }).fill('Viewer');
          await page.getByRole('button', { name: 'Create role' }).click();
          await page.getByText('This is already taken').waitFor();
        },
      },
      role: { page: owner, address: lead },
      'role-changed': {
        page: owner,
        address: lead,
        then: async (page) => {
          await page.getByRole('checkbox', { name: 'Publish bots' }).uncheck();
          await page.getByRole('checkbox', { name: 'Edit bots' }).check();
        },
      },
      'role-without-people': {
        page: owner,
        address: bills,
        then: (page) => page.locator('summary', { hasText: 'Delete …' }).click(),
      },
      'role-built-in': { page: owner, address: '/a/acme/settings/roles/analyst' },
      'role-above': { page: carla.page, address: bills },
      'account-settings': { page: owner, address: '/a/acme/settings/account' },
      'account-offered': { page: carla.page, address: '/a/acme' },
      'account-settings-offering': { page: owner, address: '/a/gamma/settings/account' },
      'account-settings-refused': {
        page: owner,
        address: '/a/gamma/settings/account',
        then: async (page) => {
          await page.getByLabel('Account name').fill('');
          await page.getByRole('button', { name: 'Save', exact: true }).click();
          await page.getByText('Please fill in this field.').first().waitFor();
        },
      },
      'account-deletion': { page: owner, address: '/a/epsilon/settings/account' },
      'account-deletion-told': { page: owner, address: '/a/epsilon' },
      security: { page: owner, address: '/a/acme/settings/security' },
      'security-required': { page: sina.page, address: '/a/delta/settings/security' },
      'required-factor': { page: ben.page, address: '/a/delta/second-factor' },
      'required-factor-done': { page: sina.page, address: '/a/delta/second-factor' },
      decision: { page: owner, address: decision ?? '' },
      'decision-request': { page: owner, address: request ?? '' },
      'sign-up': { page: invited, address: signUpPage },
      'sign-up-refused': {
        page: invited,
        address: signUpPage,
        then: async (page) => {
          await page.getByLabel('Your name').fill('Hugo Example');
          await password(page).fill('hugo');
          await page.getByRole('button', { name: 'Create login and join' }).click();
          await page.getByText('At least 15 characters').first().waitFor();
        },
      },
      'sign-in-to-join': { page: knownButSignedOut, address: second },
      join: { page: ben.page, address: second },
      'somebody-else': { page: owner, address: hugo },
      'invitation-by-provider': { page: dan.page, address: dan.link },
      'invitation-by-provider-returned': {
        page: cleo.page,
        address: cleo.link,
        then: async (page) => {
          await continueWith(page, acmeId, 'Cleo');
          await page.getByLabel('Your name').waitFor();
        },
      },
      'invitation-somebody-else-came': { page: eve.page, address: cameAs.pathname + cameAs.search },
      'invitation-refusing': {
        page: invited,
        address: signUpPage,
        then: (page) => page.locator('summary', { hasText: 'Never again' }).click(),
      },
      'invitation-refused': {
        page: nele,
        address: nele.url(),
        then: (page) => page.getByText('cannot invite this address any more').waitFor(),
      },
      'link-unknown': { page: stranger, address: '/i/no-such-link' },
      'link-used': { page: stranger, address: ben.link },
      'link-withdrawn': { page: fred, address: fred.url() },
      'no-longer-a-member': { page: dora.page, address: '/a/acme' },
      'not-allowed': { page: ben.page, address: users },
      'not-found': { page: stranger, address: '/nothing-here' },
      'platform-choose': { page: owner, address: asks(), plain: true },
      'platform-no-account': { page: dora.page, address: asks(), plain: true },
      'platform-not-in-account': { page: ben.page, address: asks({ account: 'gamma' }), plain: true },
      'platform-unknown-client': { page: stranger, address: asks({ client_id: 'nobody' }), plain: true },
      'platform-unknown-address': { page: stranger, address: asks({ redirect_uri: `${back}/elsewhere` }), plain: true },
      'platform-expired': { page: stranger, address: '/oidc/continue?request=expired', plain: true },
      'platform-sign-out': { page: ben.page, address: '/oidc/logout', plain: true },
    };
    return new Town(servers, [openid, plain], places);
  }

  /** Whoever looks at a place, in a further browser with scripting off. */
  async withoutScripting(place: Place): Promise<Page> {
    const server = this.servers.find(({ people }) => people.has(place.page));
    if (!server) throw new Error(`nobody looks at ${place.address}`);
    const known = this.plain.get(place.page);
    if (known) return known;
    const page = await server.people.withoutScripting(place.page);
    this.plain.set(place.page, page);
    return page;
  }

  /** Nothing went wrong in any browser. */
  expectNoFaults(): void {
    for (const { people } of this.servers) people.expectNoFaults();
  }

  async close(): Promise<void> {
    for (const { roster, people } of this.servers) {
      await people.close();
      await roster.stop();
    }
    for (const provider of this.providers) await provider.stop();
  }
}
