import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as openid from 'openid-client';
import type { Roster } from './roster';

/** A platform that signs people in by Roster, with a library that nobody here wrote. It keeps one person at a time. */
export class Platform {
  url = '';
  private readonly server: Server;
  private config?: openid.Configuration;
  private begun?: { verifier: string; state: string; nonce: string };
  private token = '';

  constructor() {
    this.server = createServer((request, response) => {
      this.answer(new URL(request.url ?? '/', this.url)).then(
        ({ to, text }) => response.writeHead(to ? 303 : 200, to ? { location: to } : { 'content-type': 'text/plain' }).end(text),
        (error: Error) => response.writeHead(500).end(error.message),
      );
    });
  }

  /** Starts it, and registers it as the operator of Roster would. */
  static async registeredAt(roster: Roster): Promise<Platform> {
    const platform = new Platform();
    platform.server.listen(0, '127.0.0.1');
    await once(platform.server, 'listening');
    platform.url = `http://127.0.0.1:${(platform.server.address() as AddressInfo).port}`;
    const printed = await roster.command('client', 'add', '--id', 'bots', '--name', 'Bots', '--redirect-uri', `${platform.url}/back`);
    const secret = printed.match(/secret, shown this once: (\S+)/)?.[1] ?? '';
    const metadata = { client_secret: secret, id_token_signed_response_alg: 'ES256' };
    const insecure = { execute: [openid.allowInsecureRequests] };
    platform.config = await openid.discovery(new URL(roster.url), 'bots', metadata, openid.ClientSecretBasic(secret), insecure);
    return platform;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer({ pathname, href }: URL): Promise<{ to?: string; text?: string }> {
    const config = this.config as openid.Configuration;
    switch (pathname) {
      case '/sign-in': {
        const verifier = openid.randomPKCECodeVerifier();
        this.begun = { verifier, state: openid.randomState(), nonce: openid.randomNonce() };
        const to = openid.buildAuthorizationUrl(config, {
          redirect_uri: `${this.url}/back`,
          scope: 'openid profile email roster',
          code_challenge: await openid.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
          state: this.begun.state,
          nonce: this.begun.nonce,
        });
        return { to: to.href };
      }
      case '/back': {
        const { verifier, state, nonce } = this.begun ?? { verifier: '', state: '', nonce: '' };
        const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
        this.token = (await openid.authorizationCodeGrant(config, new URL(href), checks)).access_token;
        return { to: '/' };
      }
      default: {
        // At each request, what holds now.
        const told = await openid.tokenIntrospection(config, this.token);
        return { text: told.active ? `${told.email} is ${told['roster:role']}` : 'nobody' };
      }
    }
  }
}
