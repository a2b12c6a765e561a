import { expect, test, type Page } from '@playwright/test';
import { People, live, visit } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { setUp } from '../support/steps';

const KEYS = '/a/acme/settings/api-keys';

let roster: Roster;
let people: People;
let owner: Page;

test.beforeAll(async ({ browser }) => {
  roster = await Roster.start({ mail: false });
  people = new People(browser, roster);
  owner = await people.newcomer();
  await setUp(owner, roster.setUpLink, person('Ana'), 'Acme', 'acme');
});

test.afterEach(() => people.expectNoFaults());

test.afterAll(async () => {
  await people?.close();
  await roster?.stop();
});

test('lt_01_a_key_is_made_shown_once_tried_and_revoked', async ({ request }) => {
  await owner.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: 'API keys' }).click();
  await expect(owner).toHaveURL(KEYS);
  await expect(owner.getByRole('heading', { name: 'No API keys yet' })).toBeVisible();

  await owner.getByRole('button', { name: 'Create API key' }).click();
  await expect(owner.getByLabel('Name', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await owner.getByLabel('Name', { exact: true }).fill('Deploy server');
  await owner.getByRole('checkbox', { name: 'See users' }).check();
  await owner.getByLabel('Valid for').selectOption({ label: '30 days' });
  await owner.getByRole('button', { name: 'Create API key' }).click();

  await expect(owner.getByRole('status').filter({ hasText: 'The API key “Deploy server” was created.' })).toBeVisible();
  const key = await owner.getByLabel('API key', { exact: true }).inputValue();
  expect(key).toMatch(/^roster_[0-9A-Za-z]{36}$/);
  await expect(owner.locator('pre')).toContainText(`curl -H "Authorization: Bearer ${key}" ${roster.url}/api/v1/accounts`);

  const members = `${roster.url}/api/v1/members`;
  const headers = { Authorization: `Bearer ${key}` };
  const answer = await request.get(members, { headers });
  expect(answer.status()).toBe(200);
  expect((await answer.json()).members).toHaveLength(1);

  await visit(owner, KEYS);
  await live(owner);
  await expect(owner.getByText(key)).toHaveCount(0);
  const line = owner.getByRole('listitem').filter({ hasText: 'Deploy server' });
  await expect(line).toContainText('Acts for Ana');
  await expect(line).toContainText('Can do: See users');
  await line.getByText('Revoke …').click();
  await line.getByRole('button', { name: 'Revoke this key' }).click();
  await expect(owner.getByText('The API key was revoked. It no longer works.')).toBeVisible();
  expect((await request.get(members, { headers })).status()).toBe(401);
});

test('br_01_the_page_about_the_api_loads_nothing_from_elsewhere', async () => {
  // It has no script.
  await owner.goto('/api/v1/docs');
  await expect(owner.getByRole('heading', { name: 'The REST API', level: 1 })).toBeVisible();
  await expect(owner.getByRole('heading', { name: 'Invite a person' })).toBeVisible();
});
