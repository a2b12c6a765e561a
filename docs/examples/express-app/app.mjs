// An Express app whose people sign in by Roster. At each click it asks what they may do now, and it hears at once when a sign-in has ended.
//   npm install express express-session jose openid-client
//   ROSTER=https://roster.example.org APP=https://reports.example.org CLIENT_SECRET=… SESSION_SECRET=… PORT=8080 node app.mjs
import express from 'express';
import session from 'express-session';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as openid from 'openid-client';

const { ROSTER, APP, CLIENT_ID = 'reports', CLIENT_SECRET, SESSION_SECRET, PORT } = process.env;
const metadata = { client_secret: CLIENT_SECRET, id_token_signed_response_alg: 'ES256' };
const roster = await openid.discovery(new URL(ROSTER), CLIENT_ID, metadata, openid.ClientSecretBasic(CLIENT_SECRET));
const keys = createRemoteJWKSet(new URL(roster.serverMetadata().jwks_uri));
const store = new session.MemoryStore(); // Yours would be one that outlives a restart.
const sessions = new Map(); // The session of each sign-in, by its sid.

const app = express().set('trust proxy', 1);
const cookie = { httpOnly: true, secure: true, sameSite: 'lax' };
app.use(session({ name: '__Host-session', secret: SESSION_SECRET, store, cookie, resave: false, saveUninitialized: false }));

app.get('/sign-in', async (request, response) => {
  const [state, nonce, verifier] = [openid.randomState(), openid.randomNonce(), openid.randomPKCECodeVerifier()];
  request.session.begun = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier };
  const challenge = { code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' };
  const wanted = { redirect_uri: `${APP}/callback`, scope: 'openid profile email roster', state, nonce, ...challenge };
  response.redirect(303, openid.buildAuthorizationUrl(roster, wanted).href);
});

app.get('/callback', async (request, response) => {
  const { begun } = request.session;
  if (!begun) return response.redirect(303, '/sign-in');
  const tokens = await openid.authorizationCodeGrant(roster, new URL(request.originalUrl, APP), begun);
  await new Promise((done, failed) => request.session.regenerate((error) => (error ? failed(error) : done())));
  const { sid, name } = tokens.claims();
  Object.assign(request.session, { name, token: tokens.access_token });
  sessions.set(sid, request.session.id);
  response.redirect(303, '/reports');
});

// The back channel: the person was removed or suspended, signed out, or may not come in any more.
app.post('/logged-out', express.urlencoded({ extended: false }), async (request, response) => {
  const wanted = { issuer: roster.serverMetadata().issuer, audience: CLIENT_ID, typ: 'logout+jwt', requiredClaims: ['sid', 'events', 'exp'] };
  const { payload } = await jwtVerify(String(request.body?.logout_token), keys, wanted);
  store.destroy(sessions.get(payload.sid) ?? '', () => response.sendStatus(200));
  sessions.delete(payload.sid);
});

app.get('/', (request, response) => response.type('text').send(`Hello ${request.session.name ?? 'stranger'}`));

app.get('/reports', async (request, response) => {
  // Good for ten minutes. After that Roster gives a new one to who is still signed in there, without asking anything.
  const { token } = request.session;
  const now = token ? await openid.tokenIntrospection(roster, token) : { active: false };
  if (!now.active) return response.redirect(303, '/sign-in');
  if (!now['roster:permissions'].includes('analytics.read')) return response.status(403).send('Ask an admin for analytics.read.');
  response.type('text').send(`The reports, for ${now.name}`);
});

app.use((error, request, response, next) => response.status(400).send('This did not work. Open the first page again.'));
app.listen(PORT, '127.0.0.1');
