import { expect, test, type Browser, type Locator, type Page } from '@playwright/test';
import { OpenIdProvider } from '../providers/openid';
import { known } from '../providers/people';
import { PlainProvider } from '../providers/plain';
import { Overheard, filesIn, found } from '../support/canaries';
import {
  add,
  addWithDraft,
  cancelThere,
  claim,
  continueWith,
  loginMethods,
  methodLine,
  saveDraft,
  switchOff,
  testAs,
  type Method,
} from '../support/login-methods';
import { People, visit } from '../support/people';
import { Roster } from '../support/roster';
import { person, type Person } from '../support/person';
import {
  PASSWORD,
  changeWayIn,
  choose,
  edit,
  invite,
  line,
  password,
  save,
  setUp,
  signIn,
  signOut,
  signUp,
  type Offer,
} from '../support/steps';

const [ana, ben, cleo, dan, eve, fred, gina] = ['Ana', 'Ben', 'Cleo', 'Dan', 'Eve', 'Fred', 'Gina'].map(person);

/** The Users list of an account. */
const users = (account: string) => `/a/${account}/settings/users`;

/** A Roster, the providers, and people whose browsers have scripting or not. */
interface Scene {
  openid: OpenIdProvider;
  plain: PlainProvider;
  roster: Roster;
  people: People;
}

async function start(browser: Browser, scripting: boolean): Promise<Scene> {
  const [openid, plain] = await Promise.all([OpenIdProvider.start(), PlainProvider.start()]);
  // One address alone goes to providers here as often as a whole team.
  const settings = { ROSTER_LOG__LEVEL: 'trace', ROSTER_LIMITS__SIGN_IN_BURST: '200' };
  const roster = await Roster.start({ mail: true, providers: true, settings });
  const people = new People(browser, roster, [openid, plain], { javaScriptEnabled: scripting });
  return { openid, plain, roster, people };
}

async function stop({ openid, plain, roster, people }: Scene): Promise<void> {
  await people.close();
  await roster.stop();
  await Promise.all([openid.stop(), plain.stop()]);
}

for (const scripting of [true, false]) {
  const how = `with scripting ${scripting ? 'on' : 'off'}`;
  test.describe.serial(`login methods, ${how}`, () => tellTheStory(scripting));
  test.describe(`mistakes with login methods, ${how}`, () => tellOfMistakes(scripting));
}

/** Two accounts, each with two providers. The steps are the same forms and links with scripting and without. */
function tellTheStory(scripting: boolean): void {
  let scene: Scene;
  let roster: Roster;
  let people: People;
  let openid: OpenIdProvider;
  let plain: PlainProvider;
  let overheard: Overheard;
  let owner: Page;
  /** Acme and Beta have a client each at both. */
  let acmeId: Method;
  let acmeHub: Method;
  let betaId: Method;
  let betaHub: Method;
  /** The browsers of those who were invited. */
  const at: Record<string, Page> = {};
  /** The invitation links of all mails. */
  const links: string[] = [];

  test.beforeAll(async ({ browser }) => {
    scene = await start(browser, scripting);
    ({ roster, people, openid, plain } = scene);
    overheard = new Overheard(roster.url);
    owner = await newcomer();
  });

  test.afterEach(() => people.expectNoFaults());

  test.afterAll(() => scene && stop(scene));

  async function newcomer(): Promise<Page> {
    return overheard.listenTo(await people.newcomer());
  }

  /** The link in the next invitation mail to somebody. */
  async function linkTo(who: Person): Promise<string> {
    const { link } = await roster.mail.to(who.email, /invited/);
    links.push(link);
    return link;
  }

  /** Invites somebody, and answers the link of the mail. */
  async function invited(account: string, who: Person, offer: Offer): Promise<string> {
    await visit(owner, users(account));
    await invite(owner, who.email, offer);
    return linkTo(who);
  }

  /** The line of somebody in the Users list as it is now. */
  async function lineNow(account: string, who: Person): Promise<Locator> {
    await visit(owner, users(account));
    return line(owner, who);
  }

  /** The names of the login methods that + New user offers. */
  async function offered(account: string): Promise<string[]> {
    await visit(owner, `${users(account)}/new`);
    const titles = owner.getByRole('dialog').getByRole('group', { name: 'Login method' }).locator('.card-title');
    await expect(titles.first()).toBeVisible();
    return titles.allTextContents();
  }

  /** Where the sign-in page of an account lets a stranger go on to. */
  async function ways(account: string): Promise<string[]> {
    const stranger = await newcomer();
    await visit(stranger, `/login/${account}`);
    await expect(stranger.getByRole('heading', { name: `Sign in to ${account}` })).toBeVisible();
    const links = await stranger.getByRole('link', { name: /^Continue with/ }).allTextContents();
    await stranger.context().close();
    return links.map((text) => text.replace('Continue with ', ''));
  }

  /** The last step of somebody who is back from a provider; ends in the account. */
  async function join(page: Page, account: string, method: string): Promise<void> {
    await expect(page.getByText(`You’re back from ${method}. There’s one step left.`)).toBeVisible();
    await page.getByRole('button', { name: 'Join' }).click();
    await expect(page).toHaveURL(`${roster.url}/a/${account}`);
  }

  test('r59_an_owner_has_two_accounts', async () => {
    await setUp(owner, roster.setUpLink, ana, 'Acme', 'acme');
    await visit(owner, '/accounts');
    await owner.getByLabel('Account name').fill('Beta');
    await owner.getByRole('button', { name: 'Create account' }).click();
    await expect(owner).toHaveURL(`${roster.url}/a/beta/settings/users`);
  });

  test('oa_13_each_account_registers_with_a_redirect_uri_of_its_own_and_saves_a_draft', async () => {
    await visit(owner, users('acme'));
    await owner.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: 'Login methods' }).click();
    await expect(owner.getByRole('heading', { name: 'Login methods', level: 1 })).toBeVisible();
    await expect(methodLine(owner, 'Email & password')).toContainText('Ready');

    acmeId = await addWithDraft(owner, 'acme', 'Acme ID', openid);
    betaId = await addWithDraft(owner, 'beta', 'Beta ID', openid);
    betaHub = await addWithDraft(owner, 'beta', 'Beta Hub', plain);
    const uris = [acmeId, betaId, betaHub].map(({ redirectUri }) => redirectUri);
    for (const uri of uris) expect(uri).toMatch(new RegExp(`^${roster.url}/oauth/[0-9a-f-]{36}/callback$`));
    expect(new Set(uris).size).toBe(uris.length);
  });

  test('oa_17_the_client_secret_is_kept_and_never_shown_again', async () => {
    await visit(owner, acmeId.settings);
    await expect(owner.getByText('A secret is set. Leave empty to keep it, or enter another one to replace it.')).toBeVisible();
    await expect(owner.getByLabel('Client secret')).toHaveValue('');
    await owner.getByRole('button', { name: 'Save draft' }).click();
    await expect(owner.getByText('Saved as a draft')).toBeVisible();
  });

  test('oa_23_a_form_with_mistakes_says_what_is_wrong_and_keeps_what_was_typed', async () => {
    acmeHub = await add(owner, 'acme', 'Acme Hub', plain);
    await owner.getByLabel('Name', { exact: true }).fill('Acme Hub');
    await owner.getByLabel('Authorization URL').fill('http://example.org/authorize');
    await owner.getByRole('button', { name: 'Save draft' }).click();
    const wrong = owner.getByLabel('Authorization URL');
    await expect(wrong).toHaveAttribute('aria-invalid', 'true');
    await expect(wrong).toHaveValue('http://example.org/authorize');
    await expect(wrong).toHaveAccessibleDescription(/Enter a full address that starts with https:\/\//);
    await expect(owner.getByLabel('Client ID')).toHaveAccessibleDescription(/Please fill in this field/);
    await expect(owner.getByLabel('Name', { exact: true })).toHaveValue('Acme Hub');
  });

  test('oa_23_who_does_not_come_back_from_a_test_is_told_what_that_means_most_often', async () => {
    // The classic mistake: a slash too many.
    const client = await plain.registerClient({ redirectUri: `${acmeHub.redirectUri}/` });
    await visit(owner, `${acmeHub.settings}?preset=oauth`);
    await saveDraft(owner, acmeHub, client);
    await owner.getByRole('link', { name: 'Test sign-in' }).click();
    await expect(owner.getByText('The redirect URI is not registered for this application')).toBeVisible();
    await visit(owner, acmeHub.settings);
    await expect(owner.getByRole('heading', { name: 'A test hasn’t come back yet' })).toBeVisible();
    await expect(owner.getByText('the redirect URI isn’t registered exactly as shown below')).toBeVisible();
    await expect(owner.getByRole('link', { name: 'What this means and what to do' })).toBeVisible();

    await saveDraft(owner, acmeHub, await plain.registerClient(acmeHub));
    await expect(owner.getByRole('heading', { name: 'A test hasn’t come back yet' })).toHaveCount(0);
  });

  test('oa_23_saying_no_at_the_provider_is_named_as_the_reason', async () => {
    await visit(owner, acmeId.settings);
    await owner.getByRole('link', { name: 'Test sign-in' }).click();
    await cancelThere(owner);
    await expect(owner.getByRole('heading', { name: 'The test didn’t pass' })).toBeVisible();
    await expect(owner.getByText('You cancelled at the provider')).toBeVisible();
  });

  test('r45_a_draft_is_offered_nowhere_before_its_test_has_passed', async () => {
    for (const account of ['acme', 'beta']) {
      expect(await offered(account)).toEqual(['Email & password']);
      expect(await ways(account)).toEqual([]);
    }
    await visit(owner, loginMethods('acme'));
    await expect(methodLine(owner, 'Acme ID')).toContainText('Not tested yet');
  });

  test('oa_23_a_test_sign_in_shows_what_the_provider_says_and_makes_the_set_up_live', async () => {
    for (const method of [acmeId, acmeHub, betaId, betaHub]) {
      await testAs(owner, method, 'Ana');
      await expect(owner.getByRole('heading', { name: 'The test passed, and this set-up is live' })).toBeVisible();
      const { identifier } = known(method.provider.people, 'Ana');
      const unverified = owner.getByText('doesn’t say that it has verified the email address');
      if (method.provider === openid) {
        await expect(claim(owner, 'sub')).toContainText(identifier);
        await expect(claim(owner, 'sub')).toContainText('The identifier');
        await expect(claim(owner, 'email_verified')).toContainText('true');
        await expect(unverified).toHaveCount(0);
      } else {
        await expect(claim(owner, 'id')).toContainText(identifier);
        await expect(claim(owner, 'id')).toContainText('The identifier');
        await expect(unverified).toBeVisible();
      }
      await expect(claim(owner, 'email')).toContainText(ana.email);
      await expect(claim(owner, 'email')).toContainText('can be reassigned');
    }
    expect(await offered('acme')).toEqual(['Email & password', 'Acme ID', 'Acme Hub']);
    expect(await ways('acme')).toEqual(['Acme ID', 'Acme Hub']);
    expect(await offered('beta')).toEqual(['Email & password', 'Beta ID', 'Beta Hub']);
    expect(await ways('beta')).toEqual(['Beta ID', 'Beta Hub']);
  });

  if (scripting) {
    test('oa_09_what_a_path_leads_to_is_shown_while_it_is_typed', async () => {
      await testAs(owner, acmeId, 'Ana');
      const field = owner.getByLabel('User identifier');
      const preview = owner.locator('.field').filter({ has: field }).getByRole('status');
      await expect(preview).toHaveText('00u-ana');
      await field.fill('email');
      await expect(preview).toHaveText(ana.email);
      await field.fill('no.such.claim');
      await expect(preview).toHaveText('nothing');
      await field.fill(' $.given_name ');
      await expect(preview).toHaveText('Ana');
      const name = owner.locator('.field').filter({ has: owner.getByLabel('Last name') }).getByRole('status');
      await expect(name, 'the other fields go their own way').toHaveText('Example');
    });
  }

  test('oa_09_another_claim_of_the_test_becomes_the_identifier_at_the_press_of_a_button', async () => {
    await testAs(owner, acmeId, 'Ana');
    await claim(owner, 'email').getByRole('button', { name: 'Use as identifier' }).click();
    await expect(claim(owner, 'email')).toContainText('The identifier');
    await expect(owner.getByLabel('User identifier')).toHaveValue('email');
    await expect(owner.getByText('The identifier you chose can be reassigned')).toBeVisible();

    await claim(owner, 'sub').getByRole('button', { name: 'Use as identifier' }).click();
    await expect(claim(owner, 'sub')).toContainText('The identifier');
    await expect(owner.getByText('Live now:')).toBeVisible();
    await expect(owner.getByText('The identifier you chose can be reassigned')).toHaveCount(0);
  });

  let bens = '';

  test('r42_somebody_is_invited_by_a_provider_with_identifier_role_and_extra_permission', async () => {
    await visit(owner, users('acme'));
    await owner.getByRole('link', { name: 'New user' }).click();
    const dialog = owner.getByRole('dialog');
    const identifier = dialog.getByLabel('User identifier');
    await dialog.getByRole('radio', { name: 'Email & password' }).check();
    await expect(identifier).toBeHidden();
    await dialog.getByRole('radio', { name: 'Acme ID' }).check();
    await expect(identifier).toBeVisible();
    for (const label of ['User email address', 'First name', 'Last name']) await expect(dialog.getByLabel(label)).toBeVisible();
    if (scripting) {
      // The words follow the choice.
      await expect(identifier).toHaveAccessibleDescription(/“sub” at Acme ID, exactly as shown there\. The last test received 00u-ana/);
      await dialog.getByRole('radio', { name: 'Acme Hub' }).check();
      await expect(identifier).toHaveAccessibleDescription(/“id” at Acme Hub, exactly as shown there\. The last test received 5832310/);
      await dialog.getByRole('radio', { name: 'Acme ID' }).check();
    }
    const by = { method: 'Acme ID', identifier: '00u-ben', firstName: 'Ben', lastName: 'Example' };
    bens = await invited('acme', ben, { role: 'Editor', extras: ['Export analytics'], by });
    const bensLine = await lineNow('acme', ben);
    for (const text of [ben.name, 'Invited', 'Editor', '+1 extra', 'Acme ID']) await expect(bensLine).toContainText(text);
  });

  test('r42_one_identifier_is_not_given_to_two', async () => {
    await visit(owner, users('acme'));
    const dialog = await invite(owner, 'bens.brother@example.org', { role: 'Viewer', by: { method: 'Acme ID', identifier: '00u-ben' } });
    await expect(dialog.getByLabel('User identifier')).toHaveAccessibleDescription(/This is already taken/);
  });

  test('r42_who_comes_back_as_the_one_invited_joins_by_a_last_step', async () => {
    at.ben = await newcomer();
    await visit(at.ben, bens);
    await expect(at.ben.getByRole('heading', { name: 'Join Acme' })).toBeVisible();
    const main = at.ben.getByRole('main');
    for (const text of ['Acme uses Acme ID', 'Sign in to Acme ID as 0…n', ana.name, 'Editor']) {
      await expect(main).toContainText(text);
    }
    await expect(password(at.ben)).toHaveCount(0);
    await expect(main).not.toContainText('00u-ben');

    await continueWith(at.ben, 'Acme ID', 'Ben');
    await expect(at.ben.getByLabel('Your name')).toHaveValue(ben.name);
    await expect(await lineNow('acme', ben), 'coming back alone joins nobody (R9)').toContainText('Invited');
    await join(at.ben, 'acme', 'Acme ID');
    await expect(at.ben.getByRole('main')).toContainText('Editor');
    await expect(at.ben.getByRole('main')).toContainText('Export analytics');
    await expect(await lineNow('acme', ben)).toContainText('Active');
  });

  test('r45_who_has_joined_signs_in_by_the_link_on_the_accounts_page', async () => {
    await signOut(at.ben, ben);
    await visit(at.ben, '/login/acme');
    await continueWith(at.ben, 'Acme ID', 'Ben');
    await expect(at.ben).toHaveURL(`${roster.url}/a/acme`);
    await expect(at.ben.getByRole('main')).toContainText('Editor');
  });

  test('r35_another_role_counts_with_the_next_click', async () => {
    await visit(owner, users('acme'));
    const dialog = await edit(owner, ben);
    await expect(dialog).toContainText('Signs in with Acme ID as 00u-ben.');
    await choose(dialog, { role: 'Analyst' });
    await save(dialog);
    await expect(line(owner, ben)).toContainText('Analyst');
    await visit(at.ben, '/a/acme');
    await expect(at.ben.getByRole('main')).toContainText('Analyst');
  });

  test('oa_08_the_provider_of_one_account_opens_that_account_alone', async () => {
    const link = await invited('beta', ben, { role: 'Viewer', by: { method: 'Beta Hub', identifier: known(plain.people, 'Ben').identifier } });
    await visit(at.ben, link);
    await continueWith(at.ben, 'Beta Hub', 'Ben');
    await expect(at.ben.getByLabel('Your name'), 'who has a user is asked for no name').toHaveCount(0);
    await join(at.ben, 'beta', 'Beta Hub');

    await signOut(at.ben, ben);
    await visit(at.ben, '/login/acme');
    await continueWith(at.ben, 'Acme ID', 'Ben');
    await visit(at.ben, '/accounts');
    const main = at.ben.getByRole('main');
    await expect(main.getByRole('link', { name: /Acme/ })).toBeVisible();
    await expect(main.getByRole('link', { name: /Beta/ })).toHaveCount(0);

    await visit(at.ben, '/a/beta');
    await expect(at.ben).toHaveURL(`${roster.url}/login/beta?next=%2Fa%2Fbeta`);
    await expect(main).toContainText(`You’re signed in as ${ben.email}.`);
    await continueWith(at.ben, 'Beta Hub', 'Ben');
    await expect(at.ben).toHaveURL(`${roster.url}/a/beta`);
    await expect(main).toContainText('Viewer');
    await visit(at.ben, '/a/acme');
    await expect(at.ben, 'what was proved before still is').toHaveURL(`${roster.url}/a/acme`);
    await expect(main).toContainText('Analyst');
  });

  let cleos = '';

  test('r44_who_comes_back_as_another_is_told_so_and_nothing_is_made', async () => {
    cleos = await invited('acme', cleo, { role: 'Agent', by: { method: 'Acme ID', identifier: '00u-cloe' } });
    at.cleo = await newcomer();
    await visit(at.cleo, cleos);
    await continueWith(at.cleo, 'Acme ID', 'Cleo');
    const main = at.cleo.getByRole('main');
    await expect(at.cleo.getByRole('alert')).toContainText('You signed in with a different account than the one that was invited');
    await expect(main).toContainText('Sign in to Acme ID as 0…e');
    await expect(main).not.toContainText('00u-cloe');
    await visit(at.cleo, '/a/acme');
    await expect(at.cleo).toHaveURL(/\/login\/acme\?/);

    const mail = await roster.mail.to(ana.email, /needs your decision/);
    const cleosLine = await lineNow('acme', cleo);
    await expect(cleosLine).toContainText('Invited');
    const todo = cleosLine.getByRole('link', { name: /^Decide/ });
    expect(mail.text).toContain(`${roster.url}${await todo.getAttribute('href')}`);
  });

  test('r44_an_admin_compares_and_takes_the_identifier_over_and_the_person_joins_by_a_new_mail', async () => {
    await line(owner, cleo).getByRole('link', { name: /^Decide/ }).click();
    await expect(owner.getByRole('heading', { name: 'Someone signed in with a different account' })).toBeVisible();
    const row = (name: string) => owner.getByRole('row').filter({ has: owner.getByRole('rowheader', { name, exact: true }) });
    for (const text of ['00u-cloe', '00u-cleo', 'differs']) await expect(row('User identifier')).toContainText(text);
    await expect(row('Email address')).toContainText(cleo.email);
    await expect(row('Email address')).not.toContainText('differs');
    await owner.getByRole('button', { name: 'Use this identifier' }).click();
    await expect(owner.getByText('The Users list shows how the invited person gets the new link.')).toBeVisible();
    await owner.getByRole('link', { name: 'Back to users' }).click();
    await expect(line(owner, cleo)).toBeVisible();
    await expect(line(owner, cleo)).not.toContainText('Needs your decision');

    await visit(at.cleo, cleos);
    await expect(at.cleo.getByRole('heading', { name: 'There is a newer invitation' })).toBeVisible();
    await visit(at.cleo, await linkTo(cleo));
    await continueWith(at.cleo, 'Acme ID', 'Cleo');
    await expect(at.cleo.getByLabel('Your name'), 'the provider fills the blank (R50)').toHaveValue(cleo.name);
    await join(at.cleo, 'acme', 'Acme ID');
    await expect(at.cleo.getByRole('main')).toContainText('Agent');
  });

  test('r43_the_right_person_with_another_address_waits_until_an_admin_agrees', async () => {
    const { identifier } = known(plain.people, 'Dan');
    known(plain.people, 'Dan').email = 'dan@elsewhere.example';
    const link = await invited('acme', dan, { role: 'Viewer', by: { method: 'Acme Hub', identifier } });
    at.dan = await newcomer();
    await visit(at.dan, link);
    await continueWith(at.dan, 'Acme Hub', 'Dan');
    await expect(at.dan.getByRole('heading', { name: 'Waiting for approval' })).toBeVisible();

    const dansLine = await lineNow('acme', dan);
    await expect(dansLine).toContainText('Needs your decision');
    await dansLine.getByRole('link', { name: /^Decide/ }).click();
    await expect(owner.getByRole('heading', { name: 'The provider has another address for this person' })).toBeVisible();
    const row = (name: string) => owner.getByRole('row').filter({ has: owner.getByRole('rowheader', { name, exact: true }) });
    for (const text of [dan.email, 'dan@elsewhere.example', 'differs']) await expect(row('Email address')).toContainText(text);
    await expect(row('User identifier')).not.toContainText('differs');
    await owner.getByRole('button', { name: 'Let this person in' }).click();
    await expect(owner.getByRole('heading', { name: 'Decided' })).toBeVisible();

    await visit(at.dan, await linkTo(dan));
    await continueWith(at.dan, 'Acme Hub', 'Dan');
    await join(at.dan, 'acme', 'Acme Hub');
    await visit(owner, users('acme'));
    const dialog = await edit(owner, dan);
    await expect(dialog).toContainText('The provider now knows this person as dan@elsewhere.example');
  });

  test('r26_another_login_method_for_somebody_invited_ends_the_link_and_mails_another', async () => {
    const first = await invited('acme', eve, { role: 'Viewer' });
    at.eve = await newcomer();
    await visit(at.eve, first);
    await expect(password(at.eve)).toBeVisible();

    await visit(owner, users('acme'));
    const dialog = await edit(owner, eve);
    await expect(dialog).toContainText('Signs in with Email & password.');
    await changeWayIn(dialog, { method: 'Acme Hub', identifier: known(plain.people, 'Eve').identifier });
    await save(dialog);
    await expect(line(owner, eve)).toContainText('Acme Hub');

    const second = await linkTo(eve);
    await visit(at.eve, first);
    await expect(at.eve.getByRole('heading', { name: 'There is a newer invitation' })).toBeVisible();
    await visit(at.eve, second);
    await expect(password(at.eve)).toHaveCount(0);
    await continueWith(at.eve, 'Acme Hub', 'Eve');
    await join(at.eve, 'acme', 'Acme Hub');
  });

  test('r17_who_has_a_password_proves_it_and_then_links_the_provider', async () => {
    at.fred = await newcomer();
    await signUp(at.fred, await invited('acme', fred, { role: 'Editor' }), fred);
    await signOut(at.fred, fred);

    await visit(at.fred, await invited('beta', fred, { role: 'Viewer', by: { method: 'Beta ID', identifier: '00u-fred' } }));
    await expect(at.fred.getByRole('heading', { name: 'Sign in first, then connect Beta ID' })).toBeVisible();
    await expect(at.fred.getByRole('link', { name: /^Continue with/ })).toHaveCount(0);
    await at.fred.getByRole('link', { name: 'Sign in', exact: true }).click();
    await signIn(at.fred, fred);
    await expect(at.fred, 'back to the invitation (R16)').toHaveURL(/\/invitation\/[0-9a-f-]{36}$/);
    await continueWith(at.fred, 'Beta ID', 'Fred');
    await join(at.fred, 'beta', 'Beta ID');
    await expect(await lineNow('beta', fred)).toContainText('Active');
    await visit(at.fred, '/a/acme');
    await expect(at.fred, 'the password is still what opens the other account').toHaveURL(`${roster.url}/a/acme`);
  });

  let ginas = '';

  test('r27_switching_a_method_off_warns_ends_sessions_and_shuts_the_door_of_open_invitations', async () => {
    at.gina = await newcomer();
    await signUp(at.gina, await invited('beta', gina, { role: 'Viewer' }), gina);
    await signOut(at.gina, gina);
    ginas = await invited('acme', gina, { role: 'Viewer', by: { method: 'Acme ID', identifier: '00u-gina' } });
    await visit(at.gina, ginas);
    await expect(at.gina.getByRole('heading', { name: 'Sign in first, then connect Acme ID' })).toBeVisible();
    const late = await newcomer();
    await visit(late, '/login/acme');

    await visit(owner, loginMethods('acme'));
    const method = methodLine(owner, 'Acme ID');
    await method.locator('summary', { hasText: 'Switch off' }).click();
    await expect(method).toContainText('Members who sign in with this: 2. Invitations for it: 1.');
    await method.getByRole('button', { name: 'Yes, switch off' }).click();
    await expect(method).toContainText('Switched off');

    await visit(at.cleo, '/a/acme');
    await expect(at.cleo).toHaveURL(/\/login\/acme\?/);
    await visit(at.ben, '/a/acme');
    await expect(at.ben).toHaveURL(/\/login\/acme\?/);
    await visit(at.ben, '/a/beta');
    await expect(at.ben, 'the other account is not concerned').toHaveURL(`${roster.url}/a/beta`);
    expect(await ways('acme')).toEqual(['Acme Hub']);
    expect(await offered('acme')).toEqual(['Email & password', 'Acme Hub']);
    await late.getByRole('link', { name: 'Continue with Acme ID' }).click();
    await expect(late.getByRole('alert')).toContainText('This sign-in option is switched off');

    await visit(at.gina, ginas);
    await expect(at.gina.getByRole('heading', { name: 'This invitation is on hold' })).toBeVisible();
    await expect(at.gina.getByRole('main')).toContainText('Acme has switched off the login method');
    await expect(await lineNow('acme', gina)).toContainText('Blocked: method is off');
  });

  test('r27_switched_on_again_the_door_is_open_and_everybody_signs_in_anew', async () => {
    await visit(owner, loginMethods('acme'));
    const method = methodLine(owner, 'Acme ID');
    await method.getByRole('button', { name: 'Switch on' }).click();
    await expect(method).toContainText('Ready');
    await visit(at.gina, ginas);
    await expect(at.gina.getByRole('heading', { name: 'Sign in first, then connect Acme ID' })).toBeVisible();
    await visit(at.ben, '/a/acme');
    await continueWith(at.ben, 'Acme ID', 'Ben');
    await expect(at.ben).toHaveURL(`${roster.url}/a/acme`);
    await expect(at.ben.getByRole('main')).toContainText('Analyst');
  });

  test('r36_who_is_removed_is_out_with_the_next_click_and_the_provider_does_not_let_them_in', async () => {
    await (await lineNow('acme', ben)).getByRole('link', { name: /^Remove/ }).click();
    const dialog = owner.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
    await expect(dialog).toBeHidden();
    await expect(line(owner, ana)).toBeVisible();
    await expect(line(owner, ben)).toHaveCount(0);

    await visit(at.ben, '/a/acme');
    await expect(at.ben.getByRole('heading', { name: 'You no longer have access to Acme' })).toBeVisible();
    await visit(at.ben, '/login/acme');
    await continueWith(at.ben, 'Acme ID', 'Ben');
    await expect(at.ben.getByRole('alert')).toContainText('No one in this account uses the login you signed in with.');
    await visit(at.ben, '/a/beta');
    await expect(at.ben, 'the other account is not concerned').toHaveURL(`${roster.url}/a/beta`);
  });

  test('oa_19_email_and_password_stays_on_while_no_owner_could_sign_in_otherwise', async () => {
    await visit(owner, loginMethods('acme'));
    await switchOff(methodLine(owner, 'Email & password'));
    await expect(owner.getByRole('alert')).toContainText('No owner could sign in afterwards');
    await expect(methodLine(owner, 'Email & password')).toContainText('Ready');
  });

  test('oa_19_an_owner_takes_the_method_over_and_the_account_lives_on_it_alone', async () => {
    await testAs(owner, acmeId, 'Ana');
    await owner.getByRole('button', { name: 'Use this method for my own sign-in' }).click();
    await expect(owner.getByText('From now on, you sign in to this account with this login method.')).toBeVisible();
    await expect(await lineNow('acme', ana)).toContainText('Acme ID');

    await visit(owner, loginMethods('acme'));
    await switchOff(methodLine(owner, 'Email & password'));
    await expect(methodLine(owner, 'Email & password')).toContainText('Switched off');
    await signOut(owner, ana);
    await visit(owner, '/login/acme');
    await expect(owner.getByLabel('Email address')).toHaveCount(0);
    await continueWith(owner, 'Acme ID', 'Ana');
    await expect(owner).toHaveURL(`${roster.url}/a/acme`);
    await expect(await lineNow('acme', ana)).toContainText('Owner');
    await visit(owner, users('beta'));
    await expect(owner, 'the other account asks for the password').toHaveURL(/\/login\/beta\?/);
    await expect(owner.getByLabel('Email address')).toBeVisible();
  });

  test('lg_02_no_secret_of_the_story_was_printed_shown_or_stored', async () => {
    const tokens = links.map((link) => link.split('/i/')[1]);
    // The one of the set-up link is printed, for the operator.
    const cookies = (await overheard.secretCookies()).filter((value) => !roster.setUpLink.includes(value));
    const secrets = [PASSWORD, ...openid.issued, ...plain.issued, ...tokens, ...cookies].filter(Boolean);
    for (const some of [openid.issued, plain.issued, tokens, cookies]) expect(some.length).toBeGreaterThan(8);
    expect(Math.min(...secrets.map(({ length }) => length)), 'long enough to be found by itself').toBeGreaterThan(20);

    expect(/ (DEBUG|TRACE) /.test(roster.printed), 'more was printed than is by default').toBe(true);
    expect(found(secrets, roster.printed), 'printed').toEqual([]);
    const texts = await overheard.texts();
    expect(texts.filter((text) => text.includes('Acme')).length).toBeGreaterThan(50);
    for (const text of texts) expect(found(secrets, text), text.slice(0, 2000)).toEqual([]);
    const files = await filesIn(roster.dataFolder);
    expect(found([ben.email], Buffer.concat([...files.values()])), 'these are the files').not.toEqual([]);
    for (const [name, bytes] of files) expect(found(secrets, bytes), name).toEqual([]);
  });

  test('r17_a_password_can_be_proved_though_the_account_lives_on_its_provider_alone', async () => {
    await visit(at.gina, ginas);
    await at.gina.getByRole('link', { name: 'Sign in', exact: true }).click();
    await expect(password(at.gina), 'the password is asked for').toBeVisible();
    await signIn(at.gina, gina);
    await expect(at.gina, 'back to the invitation (R16)').toHaveURL(/\/invitation\/[0-9a-f-]{36}$/);
    await continueWith(at.gina, 'Acme ID', 'Gina');
    await join(at.gina, 'acme', 'Acme ID');
  });
}

/** What is typed wrong or left half done, each by itself. */
function tellOfMistakes(scripting: boolean): void {
  let scene: Scene;
  let owner: Page;

  test.beforeAll(async ({ browser }) => {
    scene = await start(browser, scripting);
    owner = await scene.people.newcomer();
    await setUp(owner, scene.roster.setUpLink, ana, 'Acme', 'acme');
    await testAs(owner, await addWithDraft(owner, 'acme', 'Acme Hub', scene.plain), 'Ana');
  });

  test.afterEach(() => scene.people.expectNoFaults());

  test.afterAll(() => scene && stop(scene));

  test('r42_a_missing_identifier_is_told_at_its_field_and_what_was_typed_stays', async () => {
    await visit(owner, `${users('acme')}/new`);
    const dialog = owner.getByRole('dialog');
    await dialog.getByRole('radio', { name: 'Acme Hub' }).check();
    await dialog.getByLabel('User email address').fill(ben.email);
    await choose(dialog, { role: 'Analyst' });
    await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
    await expect(dialog.getByLabel('User identifier')).toHaveAccessibleDescription(/Please fill in this field/);
    await expect(dialog.getByLabel('User identifier')).toBeVisible();
    await expect(dialog.getByRole('radio', { name: 'Acme Hub' })).toBeChecked();
    await expect(dialog.getByLabel('User email address')).toHaveValue(ben.email);
    await expect(dialog.getByRole('combobox', { name: 'Role' }).locator('option:checked')).toHaveText('Analyst');
  });

  test('oa_23_a_method_added_and_left_is_set_up_later_by_the_form_of_its_provider', async () => {
    const { settings } = await add(owner, 'acme', 'Acme', scene.plain);
    await visit(owner, loginMethods('acme'));
    await methodLine(owner, 'Acme').last().getByRole('link', { name: 'Set up' }).click();
    await expect(owner).toHaveURL(new RegExp(`${settings}(\\?.*)?$`));
    await expect(owner.getByLabel('Authorization URL')).toBeVisible();
    await expect(owner.getByLabel('Issuer URL')).toHaveCount(0);
  });

  test('oa_23_a_missing_secret_is_told_together_with_everything_else_that_is_missing', async () => {
    await add(owner, 'acme', 'Acme', scene.openid);
    await owner.getByRole('button', { name: 'Save draft' }).click();
    for (const label of ['Issuer URL', 'Client ID', 'Client secret']) {
      await expect(owner.getByLabel(label)).toHaveAccessibleDescription(/Please fill in this field/);
    }
  });

  test('oa_23_a_refused_draft_says_so_where_one_looks', async () => {
    await add(owner, 'acme', 'Acme', scene.openid);
    await owner.getByRole('button', { name: 'Save draft' }).click();
    await expect(owner.getByLabel('Issuer URL')).toHaveAttribute('aria-invalid', 'true');
    await expect(owner.getByRole('alert')).toContainText('Please fix the fields marked below.');
    if (scripting) await expect(owner.getByLabel('Issuer URL')).toBeFocused();
  });

  if (scripting) {
    test('oa_23_what_came_of_a_form_is_said_to_those_who_do_not_see_it', async () => {
      const method = await addWithDraft(owner, 'acme', 'Acme ID', scene.openid);
      await expect(owner.getByRole('status').filter({ hasText: 'Saved as a draft' })).toBeVisible();
      await testAs(owner, method, 'Ana');
      await claim(owner, 'email').getByRole('button', { name: 'Use as identifier' }).click();
      await expect(owner.getByRole('status').filter({ hasText: 'Live now:' })).toBeVisible();
      expect(await owner.evaluate(() => document.activeElement?.tagName), 'the focus is not lost').not.toBe('BODY');
    });
  }
}
