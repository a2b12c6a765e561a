// A platform that keeps its own login, and asks Roster at each click what the person may do: by an API key with users.read. It needs no library.
//   ROSTER=https://roster.example.org ROSTER_KEY=roster_… PEOPLE=people.txt PORT=8080 node check-by-key.mjs
// In people.txt stands a line for each person: address:salt:hash, the last two in hex, the hash by scrypt.
import { scryptSync, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { ROSTER, ROSTER_KEY, PEOPLE, PORT } = process.env;
const people = new Map(readFileSync(PEOPLE, 'utf8').split('\n').filter(Boolean).map((line) => [line.split(':')[0], line.split(':').slice(1)]));
const PAGES = { '/conversations': 'conversations.read', '/reports': 'analytics.read' };

/** The address of whoever sent the request, by the platform's own login: a name and a password with each request. */
function whoIs(request) {
  const [scheme, sent] = (request.headers.authorization ?? '').split(' ');
  const [, email, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(sent ?? '', 'base64').toString()) ?? [];
  if (scheme !== 'Basic' || !people.has(email)) return undefined;
  const [salt, hash] = people.get(email).map((hex) => Buffer.from(hex, 'hex'));
  return timingSafeEqual(scryptSync(password, salt, hash.length), hash) ? email : undefined;
}

/** May this person do this? If Roster cannot be asked, they may not. */
async function may(email, permission) {
  const answer = await fetch(`${ROSTER}/api/v1/check`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ROSTER_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ email, permission }),
    signal: AbortSignal.timeout(5000),
  });
  if (!answer.ok) throw new Error(`Roster answers ${answer.status}: ${await answer.text()}`);
  return (await answer.json()).allowed;
}

createServer(async (request, response) => {
  const answer = (status, text, headers) => response.writeHead(status, { 'content-type': 'text/plain', ...headers }).end(text);
  const email = whoIs(request);
  if (!email) return answer(401, 'Who are you?', { 'www-authenticate': 'Basic realm="reports"' });
  const permission = PAGES[new URL(request.url, ROSTER).pathname];
  if (!permission) return answer(404, 'No such page');
  try {
    if (await may(email, permission)) return answer(200, `${request.url}, for ${email}`);
    answer(403, `Ask an admin for ${permission}.`);
  } catch (error) {
    console.error(error);
    answer(503, 'Nobody can be let in at the moment.');
  }
}).listen(PORT, '127.0.0.1');
