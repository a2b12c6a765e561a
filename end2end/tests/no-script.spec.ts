import { expect, test, type Page } from '@playwright/test';
import { People } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { line, setUp, signIn } from '../support/steps';

test.describe('with scripting off', () => {
  const ana = person('Ana');
  let roster: Roster;
  let people: People;
  let page: Page;

  test.beforeAll(async ({ browser }) => {
    roster = await Roster.start({ mail: false });
    people = new People(browser, roster);
    await setUp(await people.newcomer(), roster.setUpLink, ana, 'Acme');
    page = await people.newcomer({ javaScriptEnabled: false });
  });

  test.afterAll(async () => {
    await people?.close();
    await roster?.stop();
  });

  test('br_14_a_wrong_password_is_answered_in_words_and_the_right_one_signs_in', async () => {
    await page.goto('/login');
    await page.getByLabel('Email address').fill(ana.email);
    await page.locator('input[type=password]').fill('not-the-right-password');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(page.getByText('Wrong email or password.')).toBeVisible();

    await signIn(page, ana);
    await expect(page).toHaveURL(/\/a\/acme/);
  });

  test('br_14_the_users_list_is_read_and_searched', async () => {
    await page.goto('/a/acme/settings/users');
    await expect(line(page, ana)).toContainText('Owner');
    await page.getByRole('searchbox', { name: 'Search' }).fill('nobody of that name');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await expect(page).toHaveURL(/\?(.*&)?q=nobody/);
    await expect(page.getByRole('heading', { name: 'No one matches' })).toBeVisible();
  });
});
