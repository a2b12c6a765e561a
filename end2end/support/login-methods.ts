import { expect, type Locator, type Page } from '@playwright/test';
import { OpenIdProvider } from '../providers/openid';
import type { PlainProvider } from '../providers/plain';
import type { Client } from '../providers/provider';
import { live, visit } from './people';

/** The providers that there are. */
export type AnyProvider = OpenIdProvider | PlainProvider;

/** A login method of an account, as its owner set it up. */
export interface Method {
  /** What stands on its button. */
  name: string;
  /** The address of its page. */
  settings: string;
  /** The address that was shown to be registered. */
  redirectUri: string;
  provider: AnyProvider;
}

/** Settings → Login methods of an account. */
export function loginMethods(account: string): string {
  return `/a/${account}/settings/login-methods`;
}

/** Adds a login method for a provider; ends on its page, where nothing is entered yet. */
export async function add(page: Page, account: string, name: string, provider: AnyProvider): Promise<Method> {
  await visit(page, loginMethods(account));
  const preset = provider instanceof OpenIdProvider ? 'Other OpenID Connect' : 'Other OAuth 2.0';
  await page.getByRole('button', { name: preset }).click();
  await expect(page.getByRole('heading', { name: '1. Register Roster at the provider' })).toBeVisible();
  const redirectUri = await page.getByLabel('Redirect URI').inputValue();
  return { name, settings: new URL(page.url()).pathname, redirectUri, provider };
}

/** Enters on the page of a method what the provider gave the account, and saves that as a draft. */
export async function saveDraft(page: Page, { name, provider }: Method, client: Client): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Client ID').fill(client.clientId);
  await page.getByLabel('Client secret').fill(client.clientSecret);
  if (provider instanceof OpenIdProvider) {
    await page.getByLabel('Issuer URL').fill(provider.url);
  } else {
    const { authorizationUrl, tokenUrl, userInfoUrl } = provider.endpoints;
    await page.getByLabel('Authorization URL').fill(authorizationUrl);
    await page.getByLabel('Token URL').fill(tokenUrl);
    await page.getByLabel('User-info URL').fill(userInfoUrl);
    await page.getByLabel('First name').fill('name');
    await page.locator('summary', { hasText: 'More settings' }).click();
    await page.getByLabel('Scopes').fill('read:user user:email');
  }
  await page.getByRole('button', { name: 'Save draft' }).click();
  await expect(page.getByText('Saved as a draft. No one can sign in with it until it has passed a test.')).toBeVisible();
}

/** Adds a login method, registers the account at the provider by the redirect URI shown, and saves the draft. */
export async function addWithDraft(page: Page, account: string, name: string, provider: AnyProvider): Promise<Method> {
  const method = await add(page, account, name, provider);
  await saveDraft(page, method, await provider.registerClient(method));
  return method;
}

/** Runs the test of a method as somebody whom the provider knows; ends on the page that shows what came of it. */
export async function testAs(page: Page, method: Method, firstName: string): Promise<void> {
  await visit(page, method.settings);
  await page.getByRole('link', { name: 'Test sign-in' }).click();
  await signInThere(page, firstName);
  await expect(page.getByRole('heading', { name: 'Claims received' })).toBeVisible();
}

/** Follows the link to a provider on the page that is open, says there who is coming, and is back. */
export async function continueWith(page: Page, method: string, firstName: string): Promise<void> {
  await page.getByRole('link', { name: `Continue with ${method}` }).click();
  await signInThere(page, firstName);
}

/** Signs in at the provider whose page is open; ends where that leads in Roster. */
export async function signInThere(page: Page, firstName: string): Promise<void> {
  await atProvider(page);
  await page.getByRole('button', { name: `Sign in as ${firstName} Example` }).click();
  await back(page);
}

/** Says no at the provider whose page is open; ends where that leads in Roster. */
export async function cancelThere(page: Page): Promise<void> {
  await atProvider(page);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await back(page);
}

async function atProvider(page: Page): Promise<void> {
  await expect(page.getByRole('heading', { name: /^Sign in to the (OpenID|plain) provider$/ })).toBeVisible();
}

/** Providers are reached by another name of this host than Roster is. */
async function back(page: Page): Promise<void> {
  await page.waitForURL(({ hostname }) => hostname === '127.0.0.1');
  await live(page);
}

/** The line of a claim that a test brought back. */
export function claim(page: Page, path: string): Locator {
  return page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: path, exact: true }) });
}

/** A login method in the list of Settings → Login methods. */
export function methodLine(page: Page, name: string): Locator {
  return page.getByRole('listitem').filter({ has: page.getByRole('heading', { name, exact: true }) });
}

/** Switches off a method that people use, of whom one is told first. */
export async function switchOff(line: Locator): Promise<void> {
  await line.locator('summary', { hasText: 'Switch off' }).click();
  await line.getByRole('button', { name: 'Yes, switch off' }).click();
}
