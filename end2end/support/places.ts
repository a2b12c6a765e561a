import type { Browser, Page } from '@playwright/test';
import { People, visit } from './people';
import { Roster } from './roster';
import { choose, invite, line, password, person, setUp, signUp } from './steps';

/** Every page and dialog that there is, in every state that looks different. */
export const PLACES = [
  'set-up',
  'set-up-done',
  'set-up-needs-link',
  'sign-in',
  'sign-in-refused',
  'sign-in-to-account',
  'accounts',
  'account',
  'users-alone',
  'users',
  'users-none-found',
  'new-user',
  'new-user-refused',
  'new-user-removed-before',
  'edit',
  'edit-changed',
  'remove',
  'withdraw',
  'outbox',
  'outbox-without-mail-server',
  'users-without-mail-server',
  'sign-up',
  'sign-up-refused',
  'sign-in-to-join',
  'join',
  'somebody-else',
  'link-unknown',
  'link-used',
  'link-withdrawn',
  'no-longer-a-member',
  'not-allowed',
  'not-found',
] as const;

export type PlaceName = (typeof PLACES)[number];

/** One of them: in whose browser, at which address, and what is done there before it is looked at. */
export interface Place {
  page: Page;
  address: string;
  then?: (page: Page) => Promise<void>;
}

/** Opens a place, live and ready to be looked at. */
export async function open({ page, address, then }: Place): Promise<Page> {
  await visit(page, address);
  await then?.(page);
  return page;
}

/** Servers with accounts, people and invitations in all states, so that there is something to see everywhere. */
export class Town {
  private constructor(
    private readonly servers: { roster: Roster; people: People }[],
    readonly places: Record<PlaceName, Place>,
  ) {}

  static async build(browser: Browser): Promise<Town> {
    const servers: { roster: Roster; people: People }[] = [];
    const start = async (mail: boolean) => {
      const roster = await Roster.start({ mail });
      servers.push({ roster, people: new People(browser, roster) });
      return servers[servers.length - 1];
    };
    const { roster, people } = await start(true);
    const untouched = await start(false);
    const mailless = await start(false);

    const owner = await people.newcomer();
    await setUp(owner, roster.setUpLink, person('Ana'), 'Acme Support', 'acme');
    const users = '/a/acme/settings/users';
    const mailed = async (name: string, role: string, extras: string[] = []) => {
      await visit(owner, users);
      await invite(owner, person(name).email, { role, extras });
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
    const remove = async (name: string) => {
      await visit(owner, await member(name, 'Remove'));
      await owner.getByRole('dialog').getByRole('button', { name: /^(Remove|Withdraw invitation)$/ }).click();
      await owner.getByRole('dialog').waitFor({ state: 'hidden' });
    };

    const ben = await joined('Ben', 'Viewer', ['Export analytics']);
    await joined('Carla', 'Admin');
    const dora = await joined('Dora', 'Agent');
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
    await owner.getByLabel('Account name').fill('Beta Labs');
    await owner.getByRole('button', { name: 'Open account' }).click();
    await owner.waitForURL('**/a/beta-labs/settings/users');
    await invite(owner, person('Ben').email, { role: 'Editor' });
    const second = (await roster.mail.to(person('Ben').email)).link;
    await visit(owner, '/accounts');
    await owner.getByLabel('Account name').fill('Gamma');
    await owner.getByRole('button', { name: 'Open account' }).click();
    await owner.waitForURL('**/a/gamma/settings/users');

    const stranger = await people.newcomer();
    const invited = await people.newcomer();
    await visit(invited, hugo);
    const signUpPage = invited.url();
    const knownButSignedOut = await people.newcomer();

    const founder = await untouched.people.newcomer();
    await visit(founder, untouched.roster.setUpLink);
    const early = await untouched.people.newcomer();

    const mailer = await mailless.people.newcomer();
    await setUp(mailer, mailless.roster.setUpLink, person('Ana'), 'Acme');
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
          await page.getByLabel('E-mail address').fill('nobody@example.org');
          await password(page).fill('certainly-not-the-password');
          await page.getByRole('button', { name: 'Sign in', exact: true }).click();
          await page.getByText('do not go together').waitFor();
        },
      },
      'sign-in-to-account': { page: stranger, address: '/login/acme' },
      accounts: { page: owner, address: '/accounts' },
      account: { page: ben.page, address: '/a/acme' },
      'users-alone': { page: owner, address: '/a/gamma/settings/users' },
      users: { page: owner, address: users },
      'users-none-found': { page: owner, address: `${users}?q=nobody+of+that+name` },
      'new-user': { page: owner, address: `${users}/new` },
      'new-user-refused': {
        page: owner,
        address: `${users}/new`,
        then: async (page) => {
          await page.getByLabel('User email address').fill('not an address');
          await page.getByRole('button', { name: 'Invite', exact: true }).click();
          await page.getByText('This is not an e-mail address').first().waitFor();
        },
      },
      'new-user-removed-before': {
        page: owner,
        address: `${users}/new`,
        then: async (page) => {
          await page.getByLabel('User email address').fill(person('Dora').email);
          await page.getByRole('button', { name: 'Invite', exact: true }).click();
          await page.getByText('was a member before').waitFor();
        },
      },
      edit: { page: owner, address: await member('Ben', 'Edit') },
      'edit-changed': {
        page: owner,
        address: await member('Ben', 'Edit'),
        then: (page) => choose(page.getByRole('dialog'), { role: 'Analyst' }),
      },
      remove: { page: owner, address: await member('Carla', 'Remove') },
      withdraw: { page: owner, address: await member('Gina', 'Remove') },
      outbox: { page: owner, address: '/a/acme/settings/outbox' },
      'outbox-without-mail-server': { page: mailer, address: '/a/acme/settings/outbox' },
      'users-without-mail-server': { page: mailer, address: '/a/acme/settings/users' },
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
      'link-unknown': { page: stranger, address: '/i/no-such-link' },
      'link-used': { page: stranger, address: ben.link },
      'link-withdrawn': { page: fred, address: fred.url() },
      'no-longer-a-member': { page: dora.page, address: '/a/acme' },
      'not-allowed': { page: ben.page, address: users },
      'not-found': { page: stranger, address: '/nothing-here' },
    };
    return new Town(servers, places);
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
  }
}
