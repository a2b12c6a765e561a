// Receives Roster's webhooks: checks the signature, passes over what came before, answers at once, and works afterwards.
//   npm install standardwebhooks
//   ROSTER_WEBHOOK_SECRET=whsec_… node webhook-receiver.mjs     behind a proxy that speaks https
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const MAX_BYTES = 256 * 1024;

/** A server that hands each event to `handle` once. */
export function receiver(secret, handle) {
  const webhook = new Webhook(secret);
  // Yours would be a table with the ids of the last days, written together with what the event changes.
  const known = new Set();

  return createServer(async (request, response) => {
    const answer = (status) => response.writeHead(status).end();
    if (request.method !== 'POST') return answer(405);
    const parts = [];
    let bytes = 0;
    for await (const part of request) {
      bytes += part.length;
      if (bytes > MAX_BYTES) return answer(413);
      parts.push(part);
    }
    let event;
    try {
      // The body as it came: parsed and written again, it would have another signature.
      event = webhook.verify(Buffer.concat(parts).toString('utf8'), request.headers);
    } catch {
      return answer(401);
    }
    answer(204);
    const id = request.headers['webhook-id'];
    if (known.has(id)) return;
    known.add(id);
    await handle(event);
  });
}

/** What a platform may do: end the sessions of whoever lost access. */
async function handle({ type, data }) {
  switch (type) {
    case 'member.removed':
    case 'member.left':
    case 'member.suspended':
    case 'member.held_for_review':
      console.log(`end all sessions of ${data.member.email} in ${data.account.slug}`);
      break;
    default:
      console.log(`${type}: nothing to do`);
  }
}

if (import.meta.filename === process.argv[1]) {
  receiver(process.env.ROSTER_WEBHOOK_SECRET, handle).listen(8080);
}
