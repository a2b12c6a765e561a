import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test, type APIResponse, type Page } from '@playwright/test';
import { OpenIdProvider } from '../providers/openid';
import { known } from '../providers/people';
import { PlainProvider } from '../providers/plain';
import { HttpsServer, providerSettings, type Client } from '../providers/provider';

// What the other tests lean on: these providers really check what a provider checks.
test.use({ ignoreHTTPSErrors: true });

/** Where browsers return to; what they bring is all that is looked at. */
let returns: HttpsServer;
let redirectUri: string;

test.beforeAll(async () => {
  returns = await HttpsServer.start(async () => (_, response) => response.end('Back again'));
  redirectUri = `${returns.url}/oauth/acme/callback`;
});

test.afterAll(() => returns?.stop());

const providers = {
  openid: { start: () => OpenIdProvider.start(), authorize: '/auth', token: '/token', user: '/me', scope: 'openid email profile' },
  plain: { start: () => PlainProvider.start(), authorize: '/authorize', token: '/token', user: '/user', scope: 'read:user user:email' },
};

for (const [name, kind] of Object.entries(providers)) {
  test.describe(name, () => {
    let provider: OpenIdProvider | PlainProvider;
    let client: Client;
    const verifier = randomBytes(32).toString('base64url');

    test.beforeAll(async () => {
      provider = await kind.start();
      client = await provider.registerClient({ redirectUri });
    });
    test.afterAll(() => provider?.stop());

    /** Opens the sign-in page as a client that asks like this. */
    async function open(page: Page, asked: Record<string, string> = {}): Promise<void> {
      const url = new URL(kind.authorize, provider.url);
      const challenge = createHash('sha256').update(verifier).digest('base64url');
      const usual = {
        client_id: client.clientId,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: kind.scope,
        state: 'kept',
        code_challenge: challenge,
        code_challenge_method: 'S256',
      };
      url.search = new URLSearchParams({ ...usual, ...asked }).toString();
      await page.goto(url.href);
    }

    /** What the browser brought back. */
    async function answerIn(page: Page): Promise<URLSearchParams> {
      await page.waitForURL((url) => url.href.startsWith(redirectUri));
      const answer = new URL(page.url()).searchParams;
      expect(answer.get('state')).toBe('kept');
      return answer;
    }

    /** Chooses on the sign-in page, and answers what the browser brings back. */
    async function choose(page: Page, button: string): Promise<URLSearchParams> {
      await page.getByRole('button', { name: button }).click();
      return answerIn(page);
    }

    async function exchange(page: Page, form: Record<string, string>): Promise<APIResponse> {
      const given = { grant_type: 'authorization_code', redirect_uri: redirectUri, code_verifier: verifier, ...form };
      const basic = Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64');
      const headers = { Accept: 'application/json', Authorization: `Basic ${basic}` };
      return page.request.post(provider.url + kind.token, { form: given, headers });
    }

    async function codeOf(page: Page, person: string): Promise<string> {
      await open(page);
      const code = (await choose(page, `Sign in as ${person} Example`)).get('code');
      expect(code).toBeTruthy();
      return code ?? '';
    }

    test('its certificate is good for whoever trusts the authority, and for nobody else', async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'roster-'));
      const settings = await providerSettings(folder);
      const ca = await readFile(settings.ROSTER_OAUTH__CA_FILE);
      await rm(folder, { recursive: true });
      const status = (options: object) =>
        new Promise((resolve) => get(provider.url, options, (answer) => resolve(answer.resume().statusCode)).on('error', resolve));
      expect(await status({ ca })).toBe(404);
      expect(await status({})).toBeInstanceOf(Error);
    });

    test('it says who signed in, and keeps to the same identifier', async ({ page }) => {
      for (const person of ['Ben', 'Ana', 'Ben']) {
        const answer = await exchange(page, { code: await codeOf(page, person) });
        expect(answer.status()).toBe(200);
        const { access_token, id_token } = await answer.json();
        expect(!!id_token).toBe(name === 'openid');
        const headers = { Authorization: `Bearer ${access_token}` };
        const claims = await (await page.request.get(provider.url + kind.user, { headers })).json();
        const { identifier, email } = known(provider.people, person);
        expect(claims.email).toBe(email);
        expect(name === 'openid' ? claims.sub : claims.id).toBe(name === 'openid' ? identifier : Number(identifier));
      }
    });

    test('two accounts have a client each, and a code is good for its own alone', async ({ page }) => {
      const code = await codeOf(page, 'Ana');
      const first = client;
      client = await provider.registerClient({ redirectUri });
      expect((await exchange(page, { code })).status()).toBe(400);
      expect((await exchange(page, { code: await codeOf(page, 'Ana') })).status()).toBe(200);
      client = first;
    });

    test('codes are used once, with the right verifier, secret and redirect URI', async ({ page }) => {
      const code = await codeOf(page, 'Ana');
      expect((await exchange(page, { code })).status()).toBe(200);
      expect(await (await exchange(page, { code })).json()).toMatchObject({ error: 'invalid_grant' });
      const wrongs: Record<string, string>[] = [{ code_verifier: 'x'.repeat(43) }, { redirect_uri: `${redirectUri}/` }];
      for (const wrong of wrongs) {
        const answer = await exchange(page, { code: await codeOf(page, 'Ana'), ...wrong });
        expect(await answer.json(), JSON.stringify(wrong)).toMatchObject({ error: 'invalid_grant' });
      }
      const right = client;
      client = { ...right, clientSecret: 'wrong' };
      expect(await (await exchange(page, { code: await codeOf(page, 'Ana') })).json()).toMatchObject({ error: 'invalid_client' });
      client = right;
    });

    test('somebody who says no goes back without a code', async ({ page }) => {
      await open(page);
      const answer = await choose(page, 'Cancel');
      expect(answer.get('error')).toBe('access_denied');
      expect(answer.get('code')).toBeNull();
    });

    test('an address that nobody registered is never returned to', async ({ page }) => {
      await open(page, { redirect_uri: `${returns.url}/elsewhere` });
      await expect(page.getByRole('heading', { name: 'Something is wrong' })).toBeVisible();
      expect(page.url()).toContain(provider.url);
    });

    test('who asks without PKCE is refused', async ({ page }) => {
      await open(page, { code_challenge: '', code_challenge_method: '' });
      expect((await answerIn(page)).get('error')).toBe('invalid_request');
    });
  });
}

test('the discovery document names the issuer', async ({ request }) => {
  const provider = await OpenIdProvider.start();
  const discovered = await (await request.get(`${provider.url}/.well-known/openid-configuration`)).json();
  await provider.stop();
  expect(discovered).toMatchObject({
    issuer: provider.url,
    authorization_endpoint: `${provider.url}/auth`,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  });
});
