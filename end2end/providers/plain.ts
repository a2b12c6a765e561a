import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { choice, showError, showSignIn } from './page';
import { everybody, type KnownPerson } from './people';
import { posted, HttpsServer, type Client, type Provider } from './provider';

const SCOPES = ['read:user', 'user:email'];
/** A code is good for a minute. */
const LIFETIME = 60_000;

/** A code that was given out, and what it is bound to. */
interface Code {
  clientId: string;
  redirectUri: string;
  challenge: string;
  person: KnownPerson;
  until: number;
}

/** A problem in the words of RFC 6749. */
class Refusal extends Error {
  constructor(
    readonly error: string,
    readonly status = 400,
  ) {
    super(error);
  }
}

/**
 * A provider with plain OAuth 2.0, much like GitHub: no discovery, no ID token, a person is who the user-info endpoint says, by an
 * integer. As there, the token endpoint answers JSON only if asked to, and the user-info endpoint wants to know who is asking.
 */
export class PlainProvider implements Provider {
  readonly people = everybody((_, n) => String(5_832_310 + n));
  readonly issued: string[] = [];
  private server?: HttpsServer;
  private readonly clients = new Map<string, { secret: string; redirectUri: string }>();
  private readonly codes = new Map<string, Code>();
  private readonly tokens = new Map<string, KnownPerson>();

  static async start(): Promise<PlainProvider> {
    const provider = new PlainProvider();
    provider.server = await HttpsServer.start(async () => (request, response) => provider.answer(request, response));
    return provider;
  }

  get url(): string {
    return this.server?.url ?? '';
  }

  /** The three addresses to enter into Roster. */
  get endpoints(): { authorizationUrl: string; tokenUrl: string; userInfoUrl: string } {
    return { authorizationUrl: `${this.url}/authorize`, tokenUrl: `${this.url}/token`, userInfoUrl: `${this.url}/user` };
  }

  async registerClient({ redirectUri }: { redirectUri: string }): Promise<Client> {
    const [clientId, clientSecret] = [secret(8), secret(32)];
    this.issued.push(clientSecret);
    this.clients.set(clientId, { secret: clientSecret, redirectUri });
    return { clientId, clientSecret };
  }

  async stop(): Promise<void> {
    await this.server?.stop();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    switch (`${request.method} ${pathname}`) {
      case 'GET /authorize':
      case 'POST /authorize':
        return this.authorize(request, response, searchParams);
      case 'POST /token':
        return this.token(request, response);
      case 'GET /user':
        return this.user(request, response);
      default:
        return showError(response, 404, 'There is nothing here');
    }
  }

  private async authorize(request: IncomingMessage, response: ServerResponse, asked: URLSearchParams): Promise<void> {
    const clientId = asked.get('client_id') ?? '';
    const client = this.clients.get(clientId);
    if (!client) return showError(response, 404, 'No application has this client ID');
    const redirectUri = asked.get('redirect_uri') ?? '';
    // Not even an error is sent to an address that nobody registered.
    if (redirectUri !== client.redirectUri) return showError(response, 400, 'The redirect URI is not registered for this application');

    const goBack = (answer: Record<string, string>) => {
      const onward = new URL(redirectUri);
      for (const [name, value] of Object.entries(answer)) onward.searchParams.set(name, value);
      onward.searchParams.set('state', asked.get('state') ?? '');
      response.writeHead(303, { Location: onward.href, 'Cache-Control': 'no-store' }).end();
    };
    const error = problemOf(asked);
    if (error) return goBack({ error });
    if (request.method === 'GET') return showSignIn(response, 'the plain provider', this.people);
    const chosen = choice(await posted(request), this.people);
    if (!chosen) return showError(response, 400, 'Nobody was chosen');
    if (chosen === 'cancel') return goBack({ error: 'access_denied' });

    const code = secret(20);
    const challenge = asked.get('code_challenge') ?? '';
    this.codes.set(code, { clientId, redirectUri, challenge, person: chosen, until: Date.now() + LIFETIME });
    this.issued.push(code, asked.get('state') ?? '');
    goBack({ code });
  }

  private async token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = await posted(request);
    const answer = (status: number, fields: Record<string, string>) => {
      const json = request.headers.accept?.includes('application/json');
      const type = json ? 'application/json' : 'application/x-www-form-urlencoded';
      response.writeHead(status, { 'Content-Type': `${type}; charset=utf-8`, 'Cache-Control': 'no-store' });
      response.end(json ? JSON.stringify(fields) : new URLSearchParams(fields).toString());
    };
    try {
      const person = this.redeem(form, this.authenticated(request, form));
      const token = secret(32);
      this.tokens.set(token, person);
      this.issued.push(form.get('code_verifier') ?? '', token);
      answer(200, { access_token: token, token_type: 'bearer', scope: SCOPES.join(',') });
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      answer(refusal.status, { error: refusal.error });
    }
  }

  /** The client that proved itself, by the `Authorization` header or in the body. */
  private authenticated(request: IncomingMessage, form: URLSearchParams): string {
    const basic = request.headers.authorization?.match(/^Basic (.+)$/i)?.[1];
    const [clientId, given] = basic
      ? Buffer.from(basic, 'base64').toString().split(':').map((part) => decodeURIComponent(part.replace(/\+/g, ' ')))
      : [form.get('client_id') ?? '', form.get('client_secret') ?? ''];
    if (this.clients.get(clientId)?.secret !== given) throw new Refusal('invalid_client', 401);
    return clientId;
  }

  /** Exchanges a code, which is used up whatever comes of it. */
  private redeem(form: URLSearchParams, clientId: string): KnownPerson {
    if (form.get('grant_type') !== 'authorization_code') throw new Refusal('unsupported_grant_type');
    const given = form.get('code') ?? '';
    const code = this.codes.get(given);
    this.codes.delete(given);
    const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    const good =
      code?.clientId === clientId &&
      code.redirectUri === form.get('redirect_uri') &&
      code.challenge === challenge &&
      code.until > Date.now();
    if (!good) throw new Refusal('invalid_grant');
    return code.person;
  }

  private user(request: IncomingMessage, response: ServerResponse): void {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' });
      response.end(JSON.stringify(body));
    };
    if (!request.headers['user-agent']) return answer(403, { message: 'Please say who is asking: User-Agent' });
    const token = request.headers.authorization?.match(/^Bearer (.+)$/i)?.[1] ?? '';
    const person = this.tokens.get(token);
    if (!person) return answer(401, { message: 'Bad credentials' });
    const { identifier, firstName, lastName, email } = person;
    answer(200, { id: Number(identifier), login: firstName.toLowerCase(), name: `${firstName} ${lastName}`, email });
  }
}

/** What is wrong with an authorization request, in the words of RFC 6749 and 7636. */
function problemOf(asked: URLSearchParams): string | undefined {
  if (asked.get('response_type') !== 'code') return 'unsupported_response_type';
  if (!asked.get('code_challenge') || asked.get('code_challenge_method') !== 'S256') return 'invalid_request';
  const scopes = (asked.get('scope') ?? '').split(' ').filter(Boolean);
  return scopes.every((scope) => SCOPES.includes(scope)) ? undefined : 'invalid_scope';
}

function secret(length: number): string {
  return randomBytes(length).toString('base64url');
}
