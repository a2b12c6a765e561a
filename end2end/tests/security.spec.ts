import { expect, test, type APIRequestContext, type Page, type Request } from '@playwright/test';
import { People, live, visit } from '../support/people';
import { Roster } from '../support/roster';
import { person } from '../support/person';
import { invite, line, password, setUp, signIn, signUp } from '../support/steps';

const ana = person('Ana');

let roster: Roster;
let people: People;
let owner: Page;

test.beforeAll(async ({ browser }) => {
  roster = await Roster.start({ mail: true, settings: { ROSTER_LOG__LEVEL: 'trace' } });
  people = new People(browser, roster);
  owner = await people.newcomer();
  await setUp(owner, roster.setUpLink, ana, 'Acme');
});

test.afterEach(() => people.expectNoFaults());

test.afterAll(async () => {
  await people?.close();
  await roster?.stop();
});

/** Invites somebody, and answers the link of the mail. */
async function invited(name: string): Promise<string> {
  const { email } = person(name);
  await visit(owner, '/a/acme/settings/users');
  await invite(owner, email, { role: 'Viewer' });
  return (await roster.mail.to(email)).link;
}

test('br_01_every_page_has_a_strict_policy_with_a_fresh_nonce', async ({ request }) => {
  const policies = [];
  for (const address of ['/login', '/login', '/setup', '/nothing-here']) {
    const answer = await request.get(roster.url + address);
    const policy = answer.headers()['content-security-policy'] ?? '';
    const nonce = policy.match(/'nonce-([^']{16,})'/)?.[1];
    expect(nonce, `${address}: ${policy}`).toBeTruthy();
    for (const part of [
      "default-src 'none'",
      "script-src 'self' 'nonce-",
      "'wasm-unsafe-eval'",
      "connect-src 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
      "form-action 'self'",
    ]) {
      expect(policy, address).toContain(part);
    }
    expect(policy).not.toContain('unsafe-inline');
    expect(policy).not.toContain("'unsafe-eval'");
    const html = await answer.text();
    for (const [tag] of html.matchAll(/<script\b[^>]*>/g)) expect(tag, address).toContain(`nonce="${nonce}"`);
    expect(html, 'no inline styles or handlers').not.toMatch(/<[^>]+\s(style|on[a-z]+)="/);
    policies.push(nonce);
  }
  expect(new Set(policies).size).toBe(policies.length);
});

test('br_03_every_answer_carries_the_security_headers', async ({ request }) => {
  const answers = {
    page: await request.get(`${roster.url}/login`),
    'unknown page': await request.get(`${roster.url}/nothing-here`),
    'static file': await request.get(`${roster.url}/pkg/roster.wasm`),
    'unknown file': await request.get(`${roster.url}/pkg/nothing.js`),
    'server function': await request.post(`${roster.url}/api/session/whoami`, { form: {}, headers: { 'Sec-Fetch-Site': 'same-origin' } }),
    'unknown function': await request.post(`${roster.url}/api/nothing`, { form: {}, headers: { 'Sec-Fetch-Site': 'same-origin' } }),
    'refused request': await request.post(`${roster.url}/api/session/sign-out`, { form: {}, headers: { 'Sec-Fetch-Site': 'cross-site' } }),
    health: await request.get(`${roster.url}/healthz`),
  };
  for (const [what, answer] of Object.entries(answers)) {
    const headers = answer.headers();
    expect(headers['x-content-type-options'], what).toBe('nosniff');
    expect(headers['referrer-policy'], what).toBe('same-origin');
    expect(headers['cross-origin-opener-policy'], what).toBe('same-origin');
    expect(headers['cross-origin-resource-policy'], what).toBe('same-origin');
    expect(headers['permissions-policy'], what).toBeTruthy();
    expect(headers['content-security-policy'], what).toBeTruthy();
    expect(headers['access-control-allow-origin'], what).toBeUndefined();
    expect(headers['server'] ?? '', what).not.toMatch(/\d/);
  }
  expect(answers['refused request'].status()).toBe(403);
});

test('br_09_no_page_contacts_another_host', async () => {
  const page = await people.newcomer();
  const hosts = new Set<string>();
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  for (const address of ['/login', '/setup', '/nothing-here']) await visit(page, address);
  expect([...hosts]).toEqual([new URL(roster.url).host]);
});

test('inv_06_twenty_prefetches_leave_the_invitation_as_it_was', async ({ playwright }) => {
  const link = await invited('Fred');
  for (let n = 0; n < 20; n++) {
    const scanner: APIRequestContext = await playwright.request.newContext();
    const answer = await (n % 2 ? scanner.head(link) : scanner.get(link));
    expect(answer.status()).toBe(200);
    await scanner.dispose();
  }
  const fred = await people.newcomer();
  await signUp(fred, link, person('Fred'));
  await expect(fred).toHaveURL(`${roster.url}/a/acme`);
});

test('inv_07_the_token_leaves_the_address_at_once_and_comes_back_nowhere', async () => {
  const link = await invited('Gina');
  const token = link.split('/i/')[1];
  const gina = await people.newcomer();
  const requests: Request[] = [];
  gina.on('request', (request) => requests.push(request));

  const [exchange] = await Promise.all([gina.waitForResponse(link), gina.goto(link)]);
  expect(exchange.status()).toBe(303);
  const headers = await exchange.allHeaders();
  expect(headers['referrer-policy']).toBe('no-referrer');
  expect(headers['cache-control']).toContain('no-store');
  expect(headers['set-cookie']).toMatch(/HttpOnly/);
  expect(headers['set-cookie']).toMatch(/SameSite=Lax/);

  await live(gina);
  await expect(gina).toHaveURL(/\/invitation\/[0-9a-f-]{36}$/);
  expect(await gina.content()).not.toContain(token);
  await gina.getByLabel('Your name').fill('Gina Example');
  await password(gina).fill('umbrella-seventeen-walrus');
  await gina.getByRole('button', { name: 'Create login and join' }).click();
  await expect(gina).toHaveURL(`${roster.url}/a/acme`);
  expect(await gina.content()).not.toContain(token);
  expect(await gina.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]))).not.toContain(token);

  const later = requests.slice(1);
  expect(later.length).toBeGreaterThan(3);
  for (const request of later) {
    expect(request.url()).not.toContain(token);
    expect((await request.allHeaders()).referer ?? '').not.toContain(token);
    expect(request.postData() ?? '').not.toContain(token);
  }
  expect(roster.printed.split('\n').filter((text) => text.includes(token)), 'lines of the log').toEqual([]);
});

test('inv_17_unknown_and_malformed_links_give_one_neutral_page', async ({ request }) => {
  const pages = [];
  for (const token of ['x', 'A'.repeat(43), 'A'.repeat(500), '%00', 'a%2Fb']) {
    const answer = await request.get(`${roster.url}/i/${token}`);
    expect(answer.status(), token).toBe(200);
    const html = await answer.text();
    expect(html, token).toContain('This link doesn’t work');
    pages.push(new URL(answer.url()).pathname);
  }
  expect(new Set(pages).size, pages.join(' ')).toBe(1);
});

test('inv_22_the_page_of_an_invitation_needs_the_cookie_of_its_link', async () => {
  const link = await invited('Hugo');
  const hugo = await people.newcomer();
  await visit(hugo, link);
  await expect(hugo.getByLabel('Email address')).toHaveValue('hugo@example.org');

  const other = await people.newcomer();
  await visit(other, hugo.url());
  await expect(other.getByRole('button', { name: 'Create login and join' })).toHaveCount(0);
  await expect(other.getByText('hugo@example.org')).toHaveCount(0);
});

test('se_05_signing_out_kills_the_session_on_the_server', async () => {
  const page = await people.newcomer();
  await visit(page, '/login');
  await signIn(page, ana);
  await expect(page).toHaveURL(/\/a\/acme/);
  await visit(page, '/a/acme/settings/users');
  await expect(line(page, ana)).toBeVisible();
  const cookies = await page.context().cookies();
  expect(cookies.some((cookie) => cookie.name.includes('session') && cookie.httpOnly && cookie.sameSite === 'Lax')).toBe(true);

  const answered = page.waitForResponse(/\/api\/session\/sign-out/);
  await page.getByRole('banner').locator('summary', { hasText: ana.name }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  expect((await (await answered).allHeaders())['clear-site-data']).toBeTruthy();
  await expect(page).toHaveURL(/\/login/);
  await page.goBack();
  await expect(line(page, ana)).toHaveCount(0);

  const thief = await people.newcomer();
  await thief.context().addCookies(cookies);
  await visit(thief, '/a/acme/settings/users');
  await expect(thief.getByLabel('Email address')).toBeVisible();
  await expect(line(thief, ana)).toHaveCount(0);
});

test('se_12_what_is_behind_the_sign_in_is_not_kept', async () => {
  const answer = await owner.goto('/a/acme/settings/users');
  expect(answer?.headers()['cache-control']).toContain('no-store');
});

test('in_13_hostile_text_is_shown_literally', async () => {
  const hostile = '<img src=x onerror=alert(1)>{{7*7}}';
  const link = await invited('Ida');
  const ida = await people.newcomer();
  ida.on('dialog', () => expect(false, 'a script ran').toBe(true));
  await signUp(ida, link, { name: hostile, email: 'ida@example.org' });
  await visit(owner, '/a/acme/settings/users');
  await expect(owner.getByText(hostile)).toBeVisible();
});
