import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { certified, writeAuthority } from '../support/certificates';
import type { KnownPerson } from './people';

/** What an account enters into Roster after it registered itself at a provider. */
export interface Client {
  clientId: string;
  clientSecret: string;
}

/** An identity provider that people really sign in at. */
export interface Provider {
  /** Where it is: scheme, host, port. */
  readonly url: string;
  /** Whom it knows. */
  readonly people: KnownPerson[];
  /** The secrets that it gave out or was shown so far: of clients, codes, tokens, and what belongs to one attempt alone. */
  readonly issued: string[];
  /** Registers one more client; each account has its own. */
  registerClient(client: { redirectUri: string }): Promise<Client>;
  stop(): Promise<void>;
}

/** The settings that let Roster reach providers on this host, whose certificates the authority of this run signed. */
export async function providerSettings(folder: string): Promise<Record<string, string>> {
  return { ROSTER_OAUTH__CA_FILE: await writeAuthority(folder), ROSTER_OAUTH__ALLOW_HOSTS: 'localhost' };
}

/** What answers a request. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A server on https://localhost, at a port of its own. */
export class HttpsServer {
  private constructor(
    private readonly server: Server,
    /** Scheme, host, port. */
    readonly url: string,
  ) {}

  /** Starts one; `handler` is made when the address is known. */
  static async start(handler: (url: string) => Promise<Handler>): Promise<HttpsServer> {
    const server = createServer(await certified()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const handle = await handler(url);
    server.on('request', async (request, response) => {
      try {
        await handle(request, response);
      } catch (error) {
        console.error('the provider has a fault:', error);
        if (!response.headersSent) response.writeHead(500);
        response.end();
      }
    });
    return new HttpsServer(server, url);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** The fields of a posted form. */
export async function posted(request: IncomingMessage): Promise<URLSearchParams> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return new URLSearchParams(Buffer.concat(parts).toString('utf8'));
}
