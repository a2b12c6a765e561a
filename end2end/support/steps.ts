import { expect, type Locator, type Page } from '@playwright/test';
import { live, visit } from './people';
import type { Person } from './person';

/** Long enough (PW-01), on no list and not built from anybody's words. */
export const PASSWORD = 'umbrella-seventeen-walrus';

/** Opens the set-up link and makes the first account; ends on Settings → Users. */
export async function setUp(page: Page, link: string, owner: Person, account: string, slug = ''): Promise<void> {
  await visit(page, link);
  await page.getByLabel('Account name').fill(account);
  if (slug) await page.getByLabel('Account URL').fill(slug);
  await page.getByLabel('Your name').fill(owner.name);
  await page.getByLabel('Your email address').fill(owner.email);
  await password(page).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page).toHaveURL(/\/a\/[a-z0-9-]+\/settings\/users$/);
}

/** Signs in on the page that is open, and stays where that leads. */
export async function signIn(page: Page, who: Person): Promise<void> {
  await page.getByLabel('Email address').fill(who.email);
  await password(page).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** The password field, not the button that shows what is in it. */
export function password(page: Page): Locator {
  return page.locator('input[autocomplete="new-password"], input[autocomplete="current-password"]');
}

/** Signs out by the menu of the page that is open. */
export async function signOut(page: Page, who: Person): Promise<void> {
  await page.getByRole('banner').locator('summary', { hasText: who.name }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page).toHaveURL(/\/login$/);
  await live(page);
}

/** What somebody is invited as. */
export interface Offer {
  role: string;
  extras?: string[];
  /** By another login method than Email & password, and as whom there. */
  by?: WayIn;
}

/** A login method that leads to a provider, and who the person is there. */
export interface WayIn {
  method: string;
  identifier: string;
  firstName?: string;
  lastName?: string;
}

/** Fills in + New user from the Users page; what comes of it is for the caller to look at. */
export async function invite(page: Page, email: string, offer: Offer): Promise<Locator> {
  await page.getByRole('link', { name: 'New user' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('heading', { name: 'New user' })).toBeVisible();
  await dialog.getByRole('radio', { name: offer.by?.method ?? 'Email & password' }).check();
  await dialog.getByLabel('User email address').fill(email);
  if (offer.by) await fillInWayIn(dialog, offer.by);
  await choose(dialog, offer);
  await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
  return dialog;
}

/** Says in a dialog who somebody is at the provider of the login method that is chosen there. */
async function fillInWayIn(dialog: Locator, { identifier, firstName, lastName }: WayIn): Promise<void> {
  await dialog.getByLabel('User identifier').fill(identifier);
  if (firstName) await dialog.getByLabel('First name').fill(firstName);
  if (lastName) await dialog.getByLabel('Last name').fill(lastName);
}

/** Opens Edit on somebody's line of the Users page. */
export async function edit(page: Page, who: { email: string }): Promise<Locator> {
  await line(page, who).getByRole('link', { name: /^Edit/ }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('heading', { name: /^Edit/ })).toBeVisible();
  return dialog;
}

/** Changes in Edit by which login method somebody comes in, and as whom. */
export async function changeWayIn(dialog: Locator, way: WayIn): Promise<void> {
  await dialog.locator('summary', { hasText: 'Change login method or identifier' }).click();
  await dialog.getByRole('radio', { name: way.method }).check();
  await fillInWayIn(dialog, way);
}

/** Saves in Edit, which closes over the line as it is now. */
export async function save(dialog: Locator): Promise<void> {
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toBeHidden();
}

/** Chooses role and extra permissions in a dialog. */
export async function choose(dialog: Locator, { role, extras = [] }: Offer): Promise<void> {
  await dialog.getByRole('combobox', { name: 'Role' }).selectOption({ label: role });
  for (const extra of extras) await dialog.getByRole('checkbox', { name: extra }).check();
}

/** The line of a person in the Users list; the name alone may stand in other lines, as that of who invited. */
export function line(page: Page, who: { email: string }): Locator {
  return page.getByRole('row').filter({ hasText: who.email });
}

/** The menu of a person's line, opened. */
export async function menu(page: Page, who: { email: string }): Promise<Locator> {
  const row = line(page, who);
  await row.getByRole('button', { name: /^More about/ }).click();
  return row.locator('.row-menu');
}

/** Opens an invitation link and creates a login with it; ends in the account. */
export async function signUp(page: Page, link: string, who: Person): Promise<void> {
  await visit(page, link);
  await page.getByLabel('Your name').fill(who.name);
  await password(page).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create login and join' }).click();
  await expect(page).toHaveURL(/\/a\/[a-z0-9-]+(\/settings\/users)?$/);
  await live(page);
}
