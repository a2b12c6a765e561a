import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Page, Response } from '@playwright/test';

/** Shorter values are no secrets: a language, a mark. */
const SHORTEST_SECRET = 20;

/** What browsers were given by one server: everything to be read, and the cookies. */
export class Overheard {
  private readonly bodies: Promise<string>[] = [];
  private readonly cookies: Promise<string[]>[] = [];

  constructor(private readonly origin: string) {}

  /** Listens to the browser of this page from now on. */
  listenTo(page: Page): Page {
    page.context().on('response', (response) => {
      if (new URL(response.url()).origin !== this.origin) return;
      this.cookies.push(cookiesOf(response));
      if (isForReading(response)) this.bodies.push(bodyOf(response));
    });
    return page;
  }

  /** The text of all pages and answers so far. */
  async texts(): Promise<string[]> {
    return (await Promise.all(this.bodies)).filter(Boolean);
  }

  /** The values of all cookies so far that are long enough to be secret. */
  async secretCookies(): Promise<string[]> {
    const values = (await Promise.all(this.cookies)).flat();
    return [...new Set(values)].filter((value) => value.length >= SHORTEST_SECRET);
  }
}

/** Pages and the answers of server functions, not what is the same for everybody, nor the stream of an open page, which has no end. */
function isForReading(response: Response): boolean {
  const { pathname } = new URL(response.url());
  return response.status() < 300 && !pathname.startsWith('/pkg/') && !pathname.endsWith('.svg') && !/^\/a\/[^/]+\/events$/.test(pathname);
}

async function bodyOf(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch {
    // The browser has left the page already, and forgot it.
    return '';
  }
}

async function cookiesOf(response: Response): Promise<string[]> {
  const headers = await response.headersArray().catch(() => []);
  return headers
    .filter(({ name }) => name.toLowerCase() === 'set-cookie')
    .flatMap(({ value }) => value.split('\n'))
    .map((cookie) => cookie.slice(cookie.indexOf('=') + 1).split(';')[0]);
}

/** All that is kept in a folder, byte by byte, by the names of the files. */
export async function filesIn(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return new Map(await Promise.all(files.map(async (name) => [name, await readFile(path.join(folder, name))] as const)));
}

/** Where secrets stand in a text or file, with what is around them. */
export function found(secrets: Iterable<string>, where: string | Buffer): string[] {
  return [...new Set(secrets)]
    .map((secret) => where.indexOf(secret))
    .filter((at) => at >= 0)
    .map((at) => where.slice(Math.max(0, at - 100), at + 100).toString());
}
