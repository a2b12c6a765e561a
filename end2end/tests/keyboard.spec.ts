import { expect, test, type Locator, type Page } from '@playwright/test';
import { People, live, visit } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { PASSWORD, edit, invite, line, password, setUp, signIn, signOut } from '../support/steps';

const users = '/a/acme/settings/users';

/** What has the focus, in words. */
async function focus(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body) return 'nothing';
    return `${element.tagName.toLowerCase()}${element.id && `#${element.id}`}.${element.classList[0] ?? ''}`;
  });
}

/** Presses Tab until something has the focus. */
async function tabTo(page: Page, what: Locator): Promise<void> {
  for (let i = 0; i < 80; i++) {
    if (await what.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${what} is not reached by Tab`);
}

/** Keeps the WebAssembly of a page back until it is let go: until then the page is as the server made it. */
async function heldBack(page: Page): Promise<() => Promise<void>> {
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  await page.route('**/*.wasm', async (route) => {
    await gate;
    await route.continue();
  });
  return async () => {
    letGo();
    await live(page);
    // Effects and frames that follow the take-over.
    await page.waitForTimeout(300);
  };
}

test.describe('for those who read and go by keyboard or voice', () => {
  const ana = person('Ana');
  let roster: Roster;
  let people: People;
  let page: Page;

  test.beforeAll(async ({ browser }) => {
    roster = await Roster.start({ mail: true });
    people = new People(browser, roster);
    page = await people.newcomer();
    await setUp(page, roster.setUpLink, ana, 'Acme');
    // More than one page of the list.
    await visit(page, `${users}/new`);
    const method = await page.locator('input[name="form[method]"]').first().inputValue();
    for (let n = 10; n < 65; n++) {
      const form = { account: 'acme', 'form[method]': method, 'form[email]': `guest${n}@example.org`, 'form[role]': 'viewer' };
      const answer = await page.request.post('/api/users/invite', { form, headers: { Origin: roster.url, Accept: 'application/json' } });
      expect(answer.ok(), await answer.text()).toBe(true);
    }
  });

  test.beforeEach(() => visit(page, users));
  test.afterEach(() => people.expectNoFaults());

  test.afterAll(async () => {
    await people?.close();
    await roster?.stop();
  });

  test('wcag_4_1_3_what_a_search_finds_is_said_where_something_was_said_before', async () => {
    const status = page.locator('.users [role=status]').first();
    await expect(status).toHaveText('56 people');
    await status.evaluate((element) => ((element as HTMLElement).dataset.before = 'yes'));
    for (const [text, said] of [['nobody of that name', 'No one matches'], ['', '56 people'], ['guest10', '1 person found'], ['guest1', '10 people found']]) {
      await page.getByRole('searchbox', { name: 'Search' }).fill(text);
      await expect(status).toHaveText(said);
      await expect(status, `the same region after ${text}`).toHaveAttribute('data-before', 'yes');
    }
    expect(await page.locator('main [role=status], main [aria-live]').count(), 'one region says it').toBe(1);
  });

  test('wcag_2_4_3_the_next_page_has_the_focus_where_it_begins_and_says_so', async () => {
    const status = page.locator('.users-count');
    await page.getByRole('link', { name: 'Next page' }).focus();
    await page.keyboard.press('Enter');
    await expect(status).toHaveText('51–56 of 56');
    await expect(status).toBeFocused();
    await page.getByRole('link', { name: 'Previous page' }).focus();
    await page.keyboard.press('Enter');
    await expect(status).toHaveText('56 people');
    await expect(status).toBeFocused();
  });

  test('wcag_2_4_3_the_focus_is_never_lost', async () => {
    const status = page.locator('.users-count');
    await test.step('after withdrawing', async () => {
      await line(page, { email: 'guest10@example.org' }).getByRole('link', { name: /^Remove/ }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').getByRole('button', { name: 'Withdraw invitation' }).focus();
      await page.keyboard.press('Enter');
      await expect(line(page, { email: 'guest10@example.org' })).toHaveCount(0);
      await expect(status).toBeFocused();
      await expect(page.locator('.toasts')).toContainText('withdrawn');
    });
    await test.step('after dismissing what was said', async () => {
      await page.getByRole('button', { name: 'Dismiss' }).focus();
      await page.keyboard.press('Enter');
      await expect(status).toBeFocused();
    });
    await test.step('after inviting', async () => {
      await page.getByRole('link', { name: 'New user' }).focus();
      await invite(page, 'ben@example.org', { role: 'Viewer' });
      await expect(page.getByText('Invitation sent to ben@example.org')).toBeVisible();
      await expect(page.getByRole('link', { name: 'New user' })).toBeFocused();
    });
    await test.step('after clearing the filters', async () => {
      await page.getByRole('searchbox', { name: 'Search' }).fill('nobody of that name');
      await page.locator('.empty').getByRole('link', { name: 'Clear filters' }).focus();
      await page.keyboard.press('Enter');
      await expect(page.locator('.users-table')).toBeVisible();
      await expect(status).toBeFocused();
    });
    await test.step('after a dialog that the address opened', async () => {
      await visit(page, `${users}/new`);
      await page.keyboard.press('Escape');
      await expect(page.getByRole('dialog')).toBeHidden();
      expect(await focus(page)).not.toBe('nothing');
    });
    await test.step('after Escape in the menus of the header', async () => {
      for (const name of ['Acme', ana.name]) {
        const button = page.getByRole('banner').locator('summary', { hasText: name });
        await button.focus();
        await page.keyboard.press('Enter');
        await page.keyboard.press('Tab');
        await expect(button).not.toBeFocused();
        await page.keyboard.press('Escape');
        await expect(button).toBeFocused();
        await expect(button.locator('..')).not.toHaveAttribute('open');
      }
    });
  });

  test('wcag_2_1_4_the_single_key_can_be_switched_off', async () => {
    const search = page.getByRole('searchbox', { name: 'Search' });
    const setting = page.getByRole('checkbox', { name: /shortcut/ });
    await page.keyboard.press('/');
    await expect(search).toBeFocused();
    await page.keyboard.type('a/b');
    await expect(search).toHaveValue('a/b');
    await search.fill('');

    await expect(setting).toBeChecked();
    await setting.uncheck();
    await page.getByRole('link', { name: 'New user' }).focus();
    await page.keyboard.press('/');
    await expect(search).not.toBeFocused();

    await signOut(page, ana);
    await signIn(page, ana);
    await page.waitForURL('**/a/acme');
    await visit(page, users);
    await page.keyboard.press('/');
    await expect(search).not.toBeFocused();
    await expect(setting).not.toBeChecked();
    await setting.check();
    await page.getByRole('link', { name: 'New user' }).focus();
    await page.keyboard.press('/');
    await expect(search).toBeFocused();
  });

  test('wcag_2_5_3_the_menus_of_the_header_are_named_as_they_are_seen', async () => {
    const names = await page.getByRole('banner').locator('summary').evaluateAll((summaries) =>
      summaries.map((summary) => [summary.getAttribute('aria-label'), (summary.textContent ?? '').replace(/\s+/g, ' ').trim()]),
    );
    expect(names).toEqual([[null, 'Acme Switch account'], [null, 'Ana Example Your menu']]);
  });

  test('included_permissions_are_reached_read_and_not_given', async () => {
    await page.getByRole('link', { name: 'New user' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('User email address').fill('cleo@example.org');
    await dialog.getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Viewer' });
    const included = dialog.getByRole('checkbox', { name: 'See bots' });
    await tabTo(page, included);
    await expect(included).toBeChecked();
    await expect(included).toHaveAttribute('aria-disabled', 'true');
    await expect(included).toHaveAccessibleDescription('in Viewer');
    await page.keyboard.press('Space');
    await expect(included).toBeChecked();
    await dialog.getByRole('checkbox', { name: 'Export analytics' }).check();
    await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
    await expect(page.getByText('Invitation sent to cleo@example.org')).toBeVisible();
    await expect(line(page, { email: 'cleo@example.org' })).toContainText('+1 extra');
  });

  test('forced_colours_show_one_tab_as_the_present_one', async () => {
    await page.emulateMedia({ forcedColors: 'active' });
    const tabs = await page.locator('.tabs a').evaluateAll((links) =>
      links.map((link) => ({
        present: link.hasAttribute('aria-current'),
        seen: getComputedStyle(link).borderBottomColor !== getComputedStyle(document.body).backgroundColor,
      })),
    );
    await page.emulateMedia({ forcedColors: null });
    expect(tabs.length).toBeGreaterThan(2);
    for (const { present, seen } of tabs) expect(seen).toBe(present);
  });

  test('a_label_and_optional_are_two_words', async () => {
    await visit(page, '/accounts');
    await expect(page.getByLabel('Account URL optional')).toBeVisible();
  });

  test('nobody_who_types_before_the_page_is_taken_over_types_into_another_field', async () => {
    const stranger = await people.newcomer();
    const cases: { page: Page; address: string; into: (page: Page) => Locator }[] = [
      { page: stranger, address: '/login', into: password },
      { page, address: `${users}/new`, into: (page) => page.locator('#form-role') },
      { page, address: users, into: (page) => page.getByRole('searchbox', { name: 'Search' }) },
      { page, address: '/accounts', into: (page) => page.getByLabel('Account URL') },
    ];
    for (const { page, address, into } of cases) {
      await test.step(address, async () => {
        const release = await heldBack(page);
        await page.goto(address);
        const field = into(page);
        await field.focus();
        if (await field.evaluate((element) => element.tagName !== 'SELECT')) await page.keyboard.type('half of it, ');
        await release();
        await expect(field).toBeFocused();
        if (await field.evaluate((element) => element.tagName !== 'SELECT')) {
          await page.keyboard.type('and the rest');
          await expect(field).toHaveValue('half of it, and the rest');
        }
        await page.unroute('**/*.wasm');
      });
    }
  });

  test('nobody_who_types_on_after_an_error_types_into_another_field', async () => {
    const [name, slug] = [page.getByLabel('Account name'), page.getByLabel('Account URL')];
    const open = page.getByRole('button', { name: 'Create account' });
    const release = await heldBack(page);
    await page.goto('/accounts');
    await name.fill('Beta');
    await slug.fill('acme');
    await open.click();
    await expect(slug).toHaveAttribute('aria-invalid', 'true');
    await expect(slug).toHaveValue('acme');
    await name.fill('');
    await page.keyboard.type('half of it, ');
    await release();
    await page.keyboard.type('and the rest');
    await expect(name).toHaveValue('half of it, and the rest');
    await expect(slug).toHaveValue('acme');
    await page.unroute('**/*.wasm');

    // The answer comes while somebody types on; without that, the first wrong field has the focus.
    for (const typesOn of [true, false]) {
      let answer = () => {};
      const gate = new Promise<void>((resolve) => (answer = resolve));
      await page.route('**/api/accounts/open', async (route) => {
        await gate;
        await route.continue();
      });
      await slug.fill('acme');
      await name.focus();
      await page.keyboard.press('Enter');
      if (typesOn) await page.keyboard.type('x');
      answer();
      await expect(slug).toHaveAttribute('aria-invalid', 'true');
      await page.waitForTimeout(300);
      await expect(typesOn ? name : slug).toBeFocused();
      await page.unroute('**/api/accounts/open');
    }

    // What points at wrong fields goes with the last of them.
    const summary = page.getByRole('alert').filter({ hasText: 'fields marked below' });
    await expect(summary).toBeVisible();
    await slug.fill('acme-2');
    await expect(summary).toHaveCount(0);
  });

  test('what_is_chosen_before_the_page_is_taken_over_stays', async () => {
    const release = await heldBack(page);
    await page.goto(`${users}/new`);
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('User email address').fill('dora@example.org');
    await dialog.getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Agent' });
    await dialog.getByRole('checkbox', { name: 'Export analytics' }).check();
    await release();
    await expect(dialog.getByRole('checkbox', { name: 'Export analytics' })).toBeChecked();
    await expect(dialog.getByRole('checkbox', { name: 'Reply to conversations' })).toHaveAccessibleDescription('in Agent');
    await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
    await expect(line(page, { email: 'dora@example.org' })).toContainText('+1 extra');
    await page.unroute('**/*.wasm');
  });

  test('br_14_a_form_sent_before_the_page_is_taken_over_comes_back_as_it_was', async () => {
    const release = await heldBack(page);
    await page.goto(`${users}/new`);
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('User email address').fill('eva..e@example.org');
    await dialog.getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Analyst' });
    await dialog.getByRole('checkbox', { name: 'Edit bots' }).check();
    await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
    await expect(page).toHaveURL(/flash=/);
    await release();
    await expect(page).toHaveURL(`${roster.url}${users}/new`);
    await expect(dialog.getByLabel('User email address')).toHaveValue('eva..e@example.org');
    await expect(dialog.getByLabel('User email address')).toHaveAttribute('aria-invalid', 'true');
    await expect(dialog.getByRole('combobox', { name: 'Role' })).toHaveValue('analyst');
    await expect(dialog.getByRole('checkbox', { name: 'Edit bots' })).toBeChecked();
    await page.unroute('**/*.wasm');

    const again = await heldBack(page);
    await page.goto(`${users}/new`);
    await dialog.getByLabel('User email address').fill('eva@example.org');
    await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
    await expect(page.getByText('Invitation sent to eva@example.org')).toBeVisible();
    await again();
    await expect(page.getByText('Invitation sent to eva@example.org')).toHaveCount(1);
    await expect(page.locator('.note-good')).toBeFocused();
    await page.unroute('**/*.wasm');
    await edit(page, { email: 'eva@example.org' });
  });
});

test.describe('without a mail server', () => {
  test('wcag_2_4_3_the_focus_goes_to_what_was_said_and_to_the_next_invitation', async ({ browser }) => {
    const roster = await Roster.start({ mail: false });
    const people = new People(browser, roster);
    try {
      const page = await people.newcomer();
      await setUp(page, roster.setUpLink, person('Ana'), 'Acme');
      await visit(page, users);
      const dialog = await invite(page, 'ben@example.org', { role: 'Viewer' });
      await expect(dialog.locator('.note-warn')).toBeFocused();
      await dialog.getByRole('button', { name: 'Invite another' }).focus();
      await page.keyboard.press('Enter');
      await expect(dialog.getByLabel('User email address')).toBeFocused();
      people.expectNoFaults();
    } finally {
      await people.close();
      await roster.stop();
    }
  });
});
