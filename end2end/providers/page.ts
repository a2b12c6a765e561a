import type { ServerResponse } from 'node:http';
import type { KnownPerson } from './people';

/** What somebody chose on the sign-in page: who they are, or to go back. */
export type Choice = KnownPerson | 'cancel';

/** The sign-in page of a provider: a button for each person, and one that says no. It is posted to where it was fetched from. */
export function showSignIn(response: ServerResponse, provider: string, people: KnownPerson[]): void {
  const buttons = people.map(
    ({ identifier, firstName, lastName }) =>
      `<p><button name="person" value="${escaped(identifier)}">Sign in as ${escaped(`${firstName} ${lastName}`)}</button></p>`,
  );
  const cancel = '<p><button name="cancel" value="yes">Cancel</button></p>';
  show(response, 200, `Sign in to ${provider}`, `<form method="post">${buttons.join('')}${cancel}</form>`);
}

/** What the posted page says. */
export function choice(form: URLSearchParams, people: KnownPerson[]): Choice | undefined {
  return form.has('cancel') ? 'cancel' : people.find(({ identifier }) => identifier === form.get('person'));
}

/** A provider's own error page: the browser stays here and never returns to the client. */
export function showError(response: ServerResponse, status: number, message: string): void {
  show(response, status, 'Something is wrong', `<p>${escaped(message)}</p>`);
}

function show(response: ServerResponse, status: number, title: string, body: string): void {
  response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(
    `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title></head>` +
      `<body><h1>${escaped(title)}</h1>${body}</body></html>`,
  );
}

function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (sign) => names[sign] ?? sign);
}
