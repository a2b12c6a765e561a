import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { choice, showError, showSignIn } from './page';
import { everybody, type KnownPerson } from './people';
import { posted, HttpsServer, type Client, type Handler, type Provider } from './provider';

/**
 * A provider with OpenID Connect: discovery, ID tokens signed with a key of this run, PKCE demanded, a user-info endpoint, and its own
 * name in its answers (RFC 9207). Addresses and names are told by the user-info endpoint alone, as the standard has it for this flow.
 */
export class OpenIdProvider implements Provider {
  private constructor(
    private readonly server: HttpsServer,
    private readonly clients: Map<string, object>,
    readonly people: KnownPerson[],
    readonly issued: string[],
  ) {}

  static async start(): Promise<OpenIdProvider> {
    const clients = new Map<string, object>();
    const people = everybody((name) => `00u-${name.toLowerCase()}`);
    const issued: string[] = [];
    const server = await HttpsServer.start((issuer) => handler(issuer, clients, people, issued));
    return new OpenIdProvider(server, clients, people, issued);
  }

  /** The issuer to enter into Roster. */
  get url(): string {
    return this.server.url;
  }

  async registerClient({ redirectUri }: { redirectUri: string }): Promise<Client> {
    const [clientId, clientSecret] = [8, 32].map((length) => randomBytes(length).toString('base64url'));
    this.issued.push(clientSecret);
    this.clients.set(clientId, {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [redirectUri],
      response_types: ['code'],
      grant_types: ['authorization_code'],
    });
    return { clientId, clientSecret };
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}

async function handler(issuer: string, clients: Map<string, object>, people: KnownPerson[], issued: string[]): Promise<Handler> {
  // The package is a module of the newer kind.
  const { default: Oidc, interactionPolicy } = await import('oidc-provider');
  const { default: Memory } = await import('oidc-provider/lib/adapters/memory_adapter.js');

  // It asks at every visit, so that a test says each time who comes.
  const policy = interactionPolicy.base();
  policy.get('login')!.checks.add(
    new interactionPolicy.Check('asks_each_time', 'Who are you this time?', ({ oidc }) =>
      oidc.result?.login ? interactionPolicy.Check.NO_NEED_TO_PROMPT : interactionPolicy.Check.REQUEST_PROMPT,
    ),
  );

  const oidc = new Oidc(issuer, {
    adapter: (kind) => Object.assign(new Memory(kind), kind === 'Client' && { find: async (id: string) => clients.get(id) }),
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name'] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, accountId) => {
      const found = people.find(({ identifier }) => identifier === accountId);
      return found && { accountId, claims: () => ({ sub: accountId, ...claims(found) }) };
    },
    interactions: { policy, url: (_, { uid }) => `/interaction/${uid}` },
    jwks: { keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }] },
    // Whoever signs in agrees to what the client asks for.
    loadExistingGrant: async ({ oidc: { provider, client, session, params } }) => {
      const grant = new provider.Grant({ clientId: client!.clientId, accountId: session!.accountId });
      grant.addOIDCScope(String(params!.scope));
      await grant.save();
      return grant;
    },
    pkce: { required: () => true },
    renderError: ({ res, status }, { error, error_description }) => showError(res, status, `${error}: ${error_description}`),
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  });

  const note = (...secrets: unknown[]) => issued.push(...secrets.filter((secret): secret is string => typeof secret === 'string'));
  oidc.on('authorization.success', (_, { code, state }) => note(code, state));
  oidc.on('grant.success', ({ body, oidc: { params } }) => note(params?.code_verifier, body.access_token, body.id_token));

  const answer = oidc.callback();
  return async (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return answer(request, response);
    if (request.method !== 'POST') return showSignIn(response, 'the OpenID provider', people);
    const chosen = choice(await posted(request), people);
    if (!chosen) return showError(response, 400, 'Nobody was chosen');
    const result =
      chosen === 'cancel'
        ? { error: 'access_denied', error_description: 'The person said no' }
        : { login: { accountId: chosen.identifier, remember: false } };
    return oidc.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  };
}

function claims({ email, emailVerified, firstName, lastName }: KnownPerson): Record<string, unknown> {
  const address = email === null ? {} : { email, email_verified: emailVerified };
  return { ...address, name: `${firstName} ${lastName}`, given_name: firstName, family_name: lastName };
}
