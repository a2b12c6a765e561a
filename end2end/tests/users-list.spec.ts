import { expect, test, type Page } from '@playwright/test';
import { People, visit, withoutReload } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { invite, line, menu, setUp, signIn, signUp } from '../support/steps';

const users = '/a/acme/settings/users';

/** The heights of the rows, in CSS pixels. */
function heights(page: Page): Promise<number[]> {
  return page.locator('.users-table tbody tr').evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().height));
}

for (const scripting of [true, false]) {
  test.describe(`the Users list, with scripting ${scripting ? 'on' : 'off'}`, () => {
    test.describe.configure({ mode: 'serial' });
    const ana = person('Ana');
    let roster: Roster;
    let people: People;
    let page: Page;

    test.beforeAll(async ({ browser }) => {
      roster = await Roster.start({ mail: true });
      people = new People(browser, roster, [], { javaScriptEnabled: scripting });
      page = await people.newcomer();
      await setUp(page, roster.setUpLink, ana, 'Acme');
    });

    test.afterEach(() => people.expectNoFaults());

    test.afterAll(async () => {
      await people?.close();
      await roster?.stop();
    });

    test('r54_several_people_are_invited_from_what_was_pasted', async () => {
      await visit(page, users);
      await page.getByRole('link', { name: 'New user' }).click();
      await page.getByRole('link', { name: 'Invite several people at once' }).click();
      const dialog = page.getByRole('dialog', { name: 'Invite several people' });
      if (!scripting) {
        // More are sent part after part, which takes a script.
        const many = Array.from({ length: 51 }, (_, n) => `many${n}@example.org`).join(' ');
        await dialog.getByLabel('Email addresses').fill(many);
        await dialog.getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Analyst' });
        await dialog.getByRole('button', { name: 'Invite' }).click();
        await expect(dialog).toContainText('At most 50 at once.');
        await expect(dialog.getByLabel('Email addresses')).toHaveValue(many);
        await expect(dialog.getByRole('combobox', { name: 'Role' })).toHaveValue('analyst');
      }
      const guests = Array.from({ length: 48 }, (_, n) => `Guest ${n + 10} <guest${n + 10}@example.org>`);
      await dialog.getByLabel('Email addresses').fill(`${guests.join('\n')}\nnobody`);
      if (scripting) await expect(dialog).toContainText('48 people can be invited.');
      await dialog.getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Viewer' });
      await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
      await expect(dialog).toContainText('48 of 49 people were invited.');
      await expect(dialog.getByRole('listitem').filter({ hasText: 'nobody' })).toContainText('email address');
      await dialog.getByRole('link', { name: 'Done' }).click();
      await expect(line(page, { email: 'guest10@example.org' })).toContainText('Guest 10');
    });

    test('rows_are_low_and_of_one_height_at_every_width', async () => {
      await visit(page, users);
      await invite(page, 'a-mailbox-name-that-never-seems-to-come-to-an-end@subsidiary.of.a.very.long.example.org', { role: 'Viewer', extras: ['Export analytics'] });
      await visit(page, users);
      for (const [width, most] of [[1280, 53], [1920, 53], [375, 96]]) {
        await page.setViewportSize({ width, height: 900 });
        const all = await heights(page);
        expect(Math.max(...all), `${width} px`).toBeLessThanOrEqual(most);
        if (width > 1000) expect(new Set(all.map(Math.round)).size, `${width} px: one height, but for the first`).toBeLessThanOrEqual(2);
      }
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.getByRole('link', { name: 'Compact rows' }).click();
      await expect(page).toHaveURL(/rows=compact/);
      await expect(page.locator('.users-compact')).toBeVisible();
      await page.evaluate(() => scrollTo(0, 0));
      const seen = await page.locator('.users-table tbody tr').evaluateAll(
        (rows) => rows.filter((row) => row.getBoundingClientRect().bottom <= innerHeight).length,
      );
      // Without scripting there is a button more above the list.
      expect(seen, 'rows on a screen of 900 px').toBeGreaterThanOrEqual(scripting ? 15 : 14);
      await page.getByRole('link', { name: 'Comfortable rows' }).click();
      await expect(page).not.toHaveURL(/rows=compact/);
    });

    test('tabs_count_and_narrow_the_list_down_and_keep_what_is_searched', async () => {
      await visit(page, `${users}?q=guest1`);
      const tabs = page.getByRole('navigation', { name: 'Users by status' });
      await expect(tabs.getByRole('link', { name: 'All 10' })).toHaveAttribute('aria-current', 'true');
      await expect(tabs.getByRole('link', { name: 'Active 0' })).toBeVisible();
      await tabs.getByRole('link', { name: 'Invited 10' }).click();
      await expect(page).toHaveURL(/q=guest1&state=invited/);
      await expect(page.locator('.users-count')).toHaveText('10 people found');
      await tabs.getByRole('link', { name: 'Active 0' }).click();
      await expect(page.getByRole('heading', { name: 'No one matches' })).toBeVisible();
      await page.locator('.empty').getByRole('link', { name: 'Clear filters' }).click();
      await expect(page.locator('.users-count')).toHaveText('50 people');
    });

    test('pages_turn_both_ways_and_say_where_one_is', async () => {
      await visit(page, users);
      await invite(page, 'zoe@example.org', { role: 'Viewer' });
      await visit(page, users);
      const pages = page.getByRole('navigation', { name: 'Pages of the list' });
      await expect(pages).toContainText('1–50 of 51');
      await expect(pages.getByRole('link', { name: 'Previous page' })).toHaveCount(0);
      await pages.getByRole('link', { name: 'Next page' }).click();
      await expect(pages).toContainText('51 of 51');
      await expect(line(page, { email: 'zoe@example.org' })).toBeVisible();
      await pages.getByRole('link', { name: 'Previous page' }).click();
      await expect(pages).toContainText('1–50 of 51');
      await expect(line(page, { email: ana.email })).toBeVisible();
    });

    test('the_menu_of_a_row_says_more_and_closes_on_escape', async () => {
      await visit(page, users);
      const more = await menu(page, { email: 'guest10@example.org' });
      await expect(more).toBeVisible();
      await expect(more).toContainText(/Invited .* by Ana/);
      await expect(more).toContainText('Signs in with Email & password.');
      await page.keyboard.press('Escape');
      await expect(more).toBeHidden();
      await expect(line(page, { email: 'guest10@example.org' }).getByRole('button', { name: /^More about/ })).toBeFocused();
      await menu(page, { email: 'guest10@example.org' });
      await more.getByRole('button', { name: /^Copy link/ }).click();
      await expect(page.getByLabel('Link', { exact: true })).toHaveValue(/\/i\/[\w-]+$/);
    });

    test('several_people_are_changed_at_once_without_a_page_load', async () => {
      await visit(page, `${users}?q=guest2`);
      const select = (n: number) => line(page, { email: `guest2${n}@example.org` }).getByRole('checkbox').check();
      const bar = page.locator('.bulk-bar');
      const change = async () => {
        await expect(bar).toBeHidden();
        for (const n of [0, 1, 2]) await select(n);
        await expect(bar).toBeVisible();
        await bar.getByRole('button', { name: 'Change role' }).click();
        const dialog = page.getByRole('dialog', { name: 'Change role' });
        await expect(dialog).toContainText('Give 3 of these people another role.');
        await dialog.getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Analyst' });
        await dialog.getByRole('button', { name: 'Change role' }).click();
        if (scripting) await expect(page.getByText('Done for 3 people')).toBeVisible();
        else await dialog.getByRole('link', { name: 'Done' }).click();
        await expect(line(page, { email: 'guest20@example.org' })).toContainText('Analyst');
        await expect(page).toHaveURL(/q=guest2/);
        if (scripting) await page.getByRole('checkbox', { name: 'Select everyone on this page' }).check();
        else for (const n of [0, 1, 2, 3]) await select(n);
        await bar.getByRole('button', { name: 'Suspend' }).click();
        await expect(page.getByRole('dialog', { name: 'Suspend' })).toContainText('This can’t be done for anyone here.');
        await page.getByRole('dialog').getByRole('link', { name: 'Cancel' }).click();
        await expect(page).toHaveURL(/q=guest2/);
      };
      await (scripting ? withoutReload(page, change) : change());
    });

    test('r64_r40_a_removal_is_undone_and_its_sessions_are_not', async () => {
      await visit(page, users);
      const zoe = await people.newcomer();
      await signUp(zoe, (await roster.mail.to('zoe@example.org')).link, { ...person('Zoe'), email: 'zoe@example.org' });
      await visit(page, `${users}?q=zoe`);
      await line(page, { email: 'zoe@example.org' }).getByRole('link', { name: /^Remove/ }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
      await expect(page.getByText('Zoe Example was removed')).toBeVisible();
      await page.getByRole('button', { name: 'Undo', exact: true }).click();
      await expect(page.getByText('Zoe Example is back, with role and permissions as before.')).toBeVisible();
      await visit(page, `${users}?q=zoe`);
      await expect(line(page, { email: 'zoe@example.org' })).toContainText('Active');
      await visit(zoe, '/a/acme');
      await signIn(zoe, { ...person('Zoe'), email: 'zoe@example.org' });
      await expect(zoe.getByRole('heading', { name: 'Acme' })).toBeVisible();
    });

    test('r25_a_mistyped_address_is_corrected_where_the_person_is_edited', async () => {
      await visit(page, users);
      await invite(page, 'bne@example.org', { role: 'Viewer' });
      await visit(page, users);
      const correct = async () => {
        await line(page, { email: 'bne@example.org' }).getByRole('link', { name: /^Edit/ }).click();
        const dialog = page.getByRole('dialog', { name: /^Edit/ });
        await dialog.getByLabel('User email address').fill('guest10@example.org');
        await dialog.getByRole('button', { name: 'Save' }).click();
        await expect(dialog).toContainText('Someone in this account already has this address');
        await dialog.getByLabel('User email address').fill('ben@example.org');
        await dialog.getByRole('button', { name: 'Save' }).click();
        await expect(line(page, { email: 'ben@example.org' })).toBeVisible();
      };
      await (scripting ? withoutReload(page, correct) : correct());
      await expect(line(page, { email: 'bne@example.org' })).toHaveCount(0);
      await roster.mail.to('ben@example.org');
    });
  });
}
