import { expect, test, type Page } from '@playwright/test';
import { People, live, visit, withoutReload } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { PASSWORD, choose, invite, line, menu, password, setUp, signIn, signUp } from '../support/steps';

const [ana, ben, carla, dora] = ['Ana', 'Ben', 'Carla', 'Dora'].map(person);

for (const scripting of [true, false]) {
  test.describe.serial(`an account, from its first day, with scripting ${scripting ? 'on' : 'off'}`, () => tellTheStory(scripting));
}

/** The steps are the same links and forms with scripting and without (BR-14). */
function tellTheStory(scripting: boolean): void {
  let roster: Roster;
  let people: People;
  /** The browsers of the owner and of those who sign up. */
  const at: Record<string, Page> = {};
  const links: Record<string, string> = {};

  test.beforeAll(async ({ browser }) => {
    roster = await Roster.start({ mail: true, settings: { ROSTER_INVITATIONS__RESEND_COOL_DOWN_S: '0' } });
    people = new People(browser, roster, [], { javaScriptEnabled: scripting });
  });

  test.afterEach(() => people.expectNoFaults());

  test.afterAll(async () => {
    await people?.close();
    await roster?.stop();
  });

  test('cf_01_the_set_up_link_makes_the_first_account_and_its_owner', async () => {
    at.ana = await people.newcomer();
    await visit(at.ana, roster.setUpLink);
    await expect(at.ana).toHaveURL(`${roster.url}/setup`);

    await setUp(at.ana, roster.setUpLink, ana, 'Acme Support');
    await expect(at.ana, 'the address was made from the name').toHaveURL(`${roster.url}/a/acme-support/settings/users`);
    await expect(at.ana.getByRole('heading', { name: 'You’re the only one here so far' })).toBeVisible();

    const stranger = await people.newcomer();
    await visit(stranger, roster.setUpLink);
    await expect(stranger.getByRole('heading', { name: 'Roster is set up' })).toBeVisible();
  });

  test('r01_three_people_are_invited_with_role_and_extra_permissions', async () => {
    const offers = [
      { who: ben, typed: ' Ben@Example.org ', offer: { role: 'Editor' } },
      { who: carla, typed: carla.email, offer: { role: 'Viewer', extras: ['Export analytics'] } },
      { who: dora, typed: dora.email, offer: { role: 'Admin' } },
    ];
    for (const { who, typed, offer } of offers) {
      await withoutReload(at.ana, async () => {
        await invite(at.ana, typed, offer);
        await expect(at.ana.getByText(`Invitation sent to ${typed.trim()}`)).toBeVisible();
      });
      const mail = await roster.mail.to(who.email);
      expect(mail.subject).toContain('Acme Support');
      expect(mail.text).toContain(ana.name);
      expect(mail.html).toContain(mail.link);
      links[who.name] = mail.link;
      await visit(at.ana, '/a/acme-support/settings/users');
    }
    await expect(line(at.ana, { email: 'Ben@Example.org' })).toContainText('Editor');
    await expect(line(at.ana, carla)).toContainText('+1 extra');
    await expect(line(at.ana, dora)).toContainText('Invited');
    await expect(line(at.ana, dora)).toContainText('Accepted by the mail server');
  });

  test('r05_a_second_invitation_of_the_same_address_is_answered_with_the_first', async () => {
    const dialog = await invite(at.ana, 'BEN@example.ORG', { role: 'Viewer' });
    await expect(dialog.getByText(/has already been invited/)).toBeVisible();
    await expect(dialog.getByLabel('User email address')).toHaveValue('BEN@example.ORG');
    expect(roster.mail.count(ben.email)).toBe(1);

    await dialog.getByRole('button', { name: 'Resend' }).click();
    await expect(at.ana.getByText('Invitation sent to Ben@Example.org again')).toBeVisible();
    links[ben.name] = (await roster.mail.to(ben.email)).link;
  });

  test('r02_who_is_invited_by_a_mistyped_address_types_nothing_twice', async () => {
    await visit(at.ana, '/a/acme-support/settings/users');
    const dialog = await invite(at.ana, 'ben..b@example.org', { role: 'Analyst', extras: ['Edit bots'] });
    await expect(dialog.getByText('This isn’t an email address').first()).toBeVisible();
    await expect(dialog.getByLabel('User email address')).toHaveValue('ben..b@example.org');
    await expect(dialog.getByRole('combobox', { name: 'Role' })).toHaveValue('analyst');
    await expect(dialog.getByRole('checkbox', { name: 'Edit bots' })).toBeChecked();
  });

  test('r12_a_link_is_shown_to_be_handed_over', async () => {
    await visit(at.ana, '/a/acme-support/settings/users');
    await (await menu(at.ana, dora)).getByRole('button', { name: /^Copy link/ }).click();
    await expect(at.ana.getByRole('heading', { name: `Invitation link for ${dora.email}` })).toBeVisible();
    await expect(at.ana.getByLabel('Link', { exact: true })).toHaveValue(/\/i\/[\w-]{43}$/);
    await at.ana.getByRole('button', { name: 'Done' }).click();
    await expect(line(at.ana, dora)).toBeVisible();
  });

  test('pw_01_a_short_password_is_refused_at_its_field', async () => {
    at.ben = await people.newcomer();
    await visit(at.ben, links[ben.name]);
    await at.ben.getByLabel('Your name').fill(ben.name);
    await password(at.ben).fill('only-fourteen-');
    await at.ben.getByRole('button', { name: 'Create login and join' }).click();
    await expect(password(at.ben)).toHaveAttribute('aria-invalid', 'true');
    await expect(at.ben.getByText(/At least 15 characters/).first()).toBeVisible();
  });

  test('r11_the_sign_up_form_shows_the_invited_address_read_only', async () => {
    const address = at.ben.getByLabel('Email address');
    await expect(address).toHaveValue(/ben@example\.org/i);
    await expect(address).not.toBeEditable();
  });

  test('r09_each_signs_up_from_the_mail_and_is_in_the_account_with_the_invited_role', async () => {
    for (const [who, role] of [[ben, 'Editor'], [carla, 'Viewer']] as const) {
      const page = (at[first(who.name)] ??= await people.newcomer());
      await signUp(page, links[who.name], who);
      await expect(page).toHaveURL(`${roster.url}/a/acme-support`);
      await expect(page.getByRole('main')).toContainText(role);
    }
    await expect(at.carla.getByRole('main')).toContainText('Export analytics');

    at.dora = await people.newcomer();
    await signUp(at.dora, links[dora.name], dora);
    await visit(at.dora, '/a/acme-support/settings/users');
    for (const who of [ana, ben, carla, dora]) {
      await expect(line(at.dora, who)).toContainText('Active');
    }
  });

  test('r18_a_used_link_opens_the_account_for_its_person_and_is_used_for_everybody_else', async () => {
    await visit(at.ben, links[ben.name]);
    await expect(at.ben.getByRole('heading', { name: 'You’re already a member of Acme Support' })).toBeVisible();
    await at.ben.getByRole('link', { name: 'Open Acme Support' }).click();
    await expect(at.ben).toHaveURL(`${roster.url}/a/acme-support`);

    const stranger = await people.newcomer();
    const answer = await stranger.goto(links[ben.name]);
    expect(answer?.status()).toBe(200);
    await expect(stranger.getByRole('heading', { name: 'This invitation has already been accepted' })).toBeVisible();
    await expect(stranger.getByText(/ben@example\.org/i)).toHaveCount(0);
  });

  test('r65_editing_shows_the_permissions_gained_and_lost_before_saving', async () => {
    await visit(at.ana, '/a/acme-support/settings/users');
    await withoutReload(at.ana, async () => {
      await line(at.ana, ben).getByRole('link', { name: /^Edit/ }).click();
      const dialog = at.ana.getByRole('dialog');
      await choose(dialog, { role: 'Analyst' });
      if (scripting) {
        await expect(dialog.getByText(/^Gains: .*Export analytics/)).toBeVisible();
        await expect(dialog.getByText(/^Loses: .*Publish bots/)).toBeVisible();
      }
      await dialog.getByRole('button', { name: 'Save' }).click();
      await expect(at.ana.getByText(`Changes to ${ben.name} saved`)).toBeVisible();
      await expect(line(at.ana, ben)).toContainText('Analyst');
    });
    await visit(at.ben, '/a/acme-support');
    await expect(at.ben.getByRole('main')).toContainText('Analyst');
  });

  test('r66_the_second_of_two_edits_is_refused_and_overwrites_nothing', async () => {
    const dialogs = [];
    for (const page of [at.ana, at.dora]) {
      await visit(page, '/a/acme-support/settings/users');
      await line(page, carla).getByRole('link', { name: /^Edit/ }).click();
      dialogs.push(page.getByRole('dialog'));
      await expect(page.getByRole('dialog')).toBeVisible();
    }
    const [anas, doras] = dialogs;
    await choose(anas, { role: 'Agent' });
    await anas.getByRole('button', { name: 'Save' }).click();
    await expect(at.ana.getByText(`Changes to ${carla.name} saved`)).toBeVisible();
    await choose(doras, { role: 'Editor' });
    await doras.getByRole('button', { name: 'Save' }).click();
    await expect(doras.getByText(new RegExp(`${ana.name} changed this in the meantime`))).toBeVisible();
    await visit(at.dora, '/a/acme-support/settings/users');
    await expect(line(at.dora, carla)).toContainText('Agent');
  });

  test('r30_an_admin_can_neither_make_an_owner_nor_touch_one', async () => {
    await visit(at.dora, '/a/acme-support/settings/users');
    await expect(line(at.dora, ana).getByRole('link', { name: /^(Edit|Remove)/ })).toHaveCount(0);
    await at.dora.getByRole('link', { name: 'New user' }).click();
    const owner = at.dora.getByRole('dialog').getByRole('combobox', { name: 'Role' }).locator('option', { hasText: 'Owner' });
    expect(await owner.evaluateAll((options) => options.every((option) => (option as HTMLOptionElement).disabled))).toBe(true);
  });

  test('r36_who_is_removed_loses_the_account_in_the_open_tab', async () => {
    await visit(at.ben, '/a/acme-support');
    await visit(at.ana, '/a/acme-support/settings/users');
    await withoutReload(at.ana, async () => {
      await line(at.ana, ben).getByRole('link', { name: /^Remove/ }).click();
      const dialog = at.ana.getByRole('dialog');
      await expect(dialog).toContainText('loses access to Acme Support immediately');
      await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
      await expect(at.ana.getByText(`${ben.name} was removed`)).toBeVisible();
      await expect(line(at.ana, ben)).toHaveCount(0);
    });
    await at.ben.reload();
    await expect(at.ben.getByRole('heading', { name: 'You no longer have access to Acme Support' })).toBeVisible();
  });

  test('r04_r40_who_was_removed_is_invited_again_with_what_they_had_and_accepts_again', async () => {
    const dialog = await invite(at.ana, ben.email, { role: 'Viewer' });
    await expect(dialog.getByText(/used to be a member/)).toBeVisible();
    const fresh = dialog.getByRole('button', { name: 'Use the role above' });
    await expect(fresh).toBeVisible();
    // The question has the focus, and so can be seen.
    if (scripting) await expect(fresh).toBeInViewport();
    await dialog.getByRole('button', { name: /Restore what they had: Analyst/ }).click();
    await expect(at.ana.getByText(/Invitation sent to ben@example.org/)).toBeVisible();

    const mail = await roster.mail.to(ben.email, /invited/);
    await visit(at.ben, mail.link);
    await expect(at.ben.getByRole('heading', { name: 'Join Acme Support' })).toBeVisible();
    await expect(at.ben.getByRole('main')).toContainText('Analyst');
    await at.ben.getByRole('button', { name: 'Join' }).click();
    await expect(at.ben).toHaveURL(`${roster.url}/a/acme-support`);
    await expect(at.ben.getByRole('main')).toContainText('Analyst');
  });

  test('r23_after_resending_the_earlier_link_names_the_newer_mail', async () => {
    const eva = person('Eva');
    await visit(at.ana, '/a/acme-support/settings/users');
    await invite(at.ana, eva.email, { role: 'Viewer' });
    const earlier = await roster.mail.to(eva.email);
    await visit(at.ana, '/a/acme-support/settings/users');
    await (await menu(at.ana, eva)).getByRole('button', { name: /^Resend/ }).click();
    await expect(at.ana.getByText('Invitation sent to eva@example.org again')).toBeVisible();
    const newer = await roster.mail.to(eva.email);
    expect(newer.link).not.toBe(earlier.link);

    const page = await people.newcomer();
    await visit(page, earlier.link);
    await expect(page.getByRole('heading', { name: 'There is a newer invitation' })).toBeVisible();
    links[eva.name] = newer.link;
  });

  test('r22_a_withdrawn_link_says_so', async () => {
    const eva = person('Eva');
    await visit(at.ana, '/a/acme-support/settings/users');
    await line(at.ana, eva).getByRole('link', { name: /^Remove/ }).click();
    await at.ana.getByRole('dialog').getByRole('button', { name: 'Withdraw invitation' }).click();
    await expect(at.ana.getByText('Invitation to eva@example.org withdrawn')).toBeVisible();

    const page = await people.newcomer();
    await visit(page, links[eva.name]);
    await expect(page.getByRole('heading', { name: 'This invitation was withdrawn' })).toBeVisible();
  });

  test('r62_what_the_mail_server_says_stands_on_the_line', async () => {
    await visit(at.ana, '/a/acme-support/settings/users');
    await invite(at.ana, 'refused@example.org', { role: 'Viewer' });
    await expect(async () => {
      await visit(at.ana, '/a/acme-support/settings/users');
      await expect(line(at.ana, { email: 'refused@example.org' })).toContainText('No such person here', { timeout: 1_000 });
    }).toPass({ timeout: 20_000 });
  });

  test('r59_a_second_account_is_opened_and_stands_beside_the_first', async () => {
    await visit(at.ana, '/accounts');
    await at.ana.getByLabel('Account name').fill('Beta Labs');
    await at.ana.getByRole('button', { name: 'Create account' }).click();
    await expect(at.ana).toHaveURL(`${roster.url}/a/beta-labs/settings/users`);
    await visit(at.ana, '/accounts');
    for (const name of ['Acme Support', 'Beta Labs']) {
      await expect(at.ana.getByRole('main').getByRole('link', { name: new RegExp(name) })).toBeVisible();
    }
  });

  test('r14_the_link_of_somebody_else_changes_nothing', async () => {
    await visit(at.ana, '/a/beta-labs/settings/users');
    await invite(at.ana, carla.email, { role: 'Editor' });
    links.second = (await roster.mail.to(carla.email, /invited/)).link;

    await visit(at.dora, links.second);
    await expect(at.dora.getByRole('heading', { name: 'This invitation is for another address' })).toBeVisible();
    for (const email of [dora.email, carla.email]) await expect(at.dora.getByRole('main')).toContainText(email);
    await visit(at.dora, '/accounts');
    await expect(at.dora.getByRole('main').getByText('Beta Labs')).toHaveCount(0);
  });

  test('r14_who_is_signed_in_asks_to_be_invited_instead_and_an_owner_refuses', async () => {
    await visit(at.dora, links.second);
    await at.dora.getByRole('button', { name: `Ask to be invited as ${dora.email}` }).click();
    await expect(at.dora.getByText('The admins of Beta Labs have been asked')).toBeVisible();
    await expect(at.dora.getByRole('button', { name: /^Ask to be invited/ })).toHaveCount(0);
    await roster.mail.to(ana.email, /at another address/);

    await visit(at.ana, '/a/beta-labs/settings/users');
    await expect(line(at.ana, carla)).toContainText('Needs your decision');
    await line(at.ana, carla).getByRole('link', { name: /^Decide/ }).click();
    const main = at.ana.getByRole('main');
    await expect(main.getByRole('heading', { name: 'Someone asks to be invited at another address' })).toBeVisible();
    for (const text of [dora.name, dora.email, carla.email]) await expect(main).toContainText(text);
    await main.getByRole('button', { name: 'Refuse' }).click();
    await expect(main.getByText('The invitation stays as it was.')).toBeVisible();
    await visit(at.dora, links.second);
    await expect(at.dora.getByText('and refused')).toBeVisible();
  });

  test('r15_who_has_a_login_joins_the_second_account_without_new_credentials', async () => {
    await visit(at.carla, links.second);
    await expect(at.carla.getByRole('heading', { name: 'Join Beta Labs' })).toBeVisible();
    const main = at.carla.getByRole('main');
    for (const text of [ana.name, 'Editor', 'Publish bots', carla.email]) await expect(main).toContainText(text);
    await expect(password(at.carla)).toHaveCount(0);
    await main.getByRole('button', { name: 'Join' }).click();
    await expect(at.carla).toHaveURL(`${roster.url}/a/beta-labs`);
  });

  test('r59_the_switcher_leads_from_one_account_to_the_other', async () => {
    await live(at.carla);
    await withoutReload(at.carla, async () => {
      const header = at.carla.getByRole('banner');
      await header.locator('summary', { hasText: 'Beta Labs' }).click();
      await expect(header.getByRole('link', { name: 'Beta Labs' })).toHaveAttribute('aria-current', 'true');
      await header.getByRole('link', { name: 'Acme Support' }).click();
      await expect(at.carla).toHaveURL(`${roster.url}/a/acme-support`);
      await expect(at.carla.getByRole('main')).toContainText('Agent');
      await at.carla.goBack();
      await expect(at.carla).toHaveURL(`${roster.url}/a/beta-labs`);
      await expect(at.carla.getByRole('main')).toContainText('Editor');
    });
  });

  test('r63_who_declines_is_shown_as_declined', async () => {
    await visit(at.ana, '/a/beta-labs/settings/users');
    await invite(at.ana, dora.email, { role: 'Viewer' });
    await visit(at.dora, (await roster.mail.to(dora.email, /invited/)).link);
    await at.dora.getByRole('button', { name: 'Decline' }).click();
    await expect(at.dora.getByRole('heading', { name: 'You declined the invitation' })).toBeVisible();
    await visit(at.ana, '/a/beta-labs/settings/users');
    await expect(line(at.ana, dora)).toContainText('Declined');
  });

  test('the_list_keeps_search_filters_and_order_in_its_address', async () => {
    await visit(at.ana, '/a/acme-support/settings/users');
    await withoutReload(at.ana, async () => {
      await at.ana.getByRole('searchbox', { name: 'Search' }).fill('carla');
      await at.ana.keyboard.press('Enter');
      await expect(at.ana).toHaveURL(scripting ? /\?q=carla$/ : /\?q=carla&/);
      await expect(line(at.ana, carla)).toBeVisible();
      await expect(line(at.ana, ben)).toHaveCount(0);
      await at.ana.goBack();
      await expect(line(at.ana, ben)).toBeVisible();
      await at.ana.goForward();
      await expect(line(at.ana, ben)).toHaveCount(0);
    });
    await visit(at.ana, '/a/acme-support/settings/users?state=removed');
    await expect(line(at.ana, person('Eva'))).toContainText('Removed');
    await visit(at.ana, '/a/acme-support/settings/users?role=admin');
    await expect(line(at.ana, dora)).toBeVisible();
    await expect(line(at.ana, carla)).toHaveCount(0);
  });

  test('r16_signing_in_leads_to_the_accounts_of_the_user', async () => {
    const page = await people.newcomer();
    await visit(page, '/login');
    await signIn(page, carla);
    await expect(page).toHaveURL(`${roster.url}/accounts`);
    await visit(await people.newcomer(), '/login/acme-support');
  });

  test('r59_an_account_of_the_command_line_mails_its_owner', async () => {
    await roster.command('account', 'create', '--name', 'Gamma', '--slug', 'gamma', '--owner-email', 'eva@example.org');
    const mail = await roster.mail.to('eva@example.org');
    const page = await people.newcomer();
    await signUp(page, mail.link, person('Eva'));
    await visit(page, '/a/gamma/settings/users');
    await expect(line(page, person('Eva'))).toContainText('Owner');
  });

  test('lg_02_nothing_that_was_printed_holds_a_password_or_an_invitation', async () => {
    expect(roster.printed).not.toContain(PASSWORD);
    expect(roster.printed).not.toMatch(/\/i\/[\w-]{20,}/);
  });
}

function first(name: string): string {
  return name.toLowerCase().split(' ')[0];
}
