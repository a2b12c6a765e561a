import { expect, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from '@playwright/test';
import type { Roster } from './roster';

/** Browsers with scripting off: a page is all that it will ever be once it is loaded. */
const withoutScripting = new WeakSet<BrowserContext>();

/** People with a browser of their own each. Whatever goes wrong in one of them without being looked for is a fault. */
export class People {
  /** What went wrong: another host was called, the policy was broken, a script failed. */
  private readonly faults: string[] = [];
  private readonly contexts: BrowserContext[] = [];

  constructor(
    private readonly browser: Browser,
    private readonly roster: Roster,
    /** Where else they go: to sign in at a provider. */
    private readonly providers: { url: string }[] = [],
    /** What their browsers have in common. */
    private readonly common: BrowserContextOptions = {},
  ) {}

  /** Somebody new, with an empty browser. */
  async newcomer(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.browser.newContext({
      baseURL: this.roster.url,
      locale: 'en-GB',
      timezoneId: 'Europe/Berlin',
      // The browser does not know the authority of this run. Roster does, and checks.
      ignoreHTTPSErrors: this.providers.length > 0,
      ...this.common,
      ...options,
    });
    this.contexts.push(context);
    if ({ ...this.common, ...options }.javaScriptEnabled === false) withoutScripting.add(context);
    context.on('request', (request) => this.onlyWhereItBelongs(request.url()));
    context.on('console', (message) => {
      const text = message.text();
      if (/Content Security Policy|Refused to|panicked|hydration|RuntimeError/i.test(text)) this.faults.push(text);
    });
    context.on('weberror', (error) => this.faults.push(String(error.error())));
    return context.newPage();
  }

  /** Is this the page of one of them? */
  has(page: Page): boolean {
    return this.contexts.includes(page.context());
  }

  /** The same person, with the same cookies, in a further browser with scripting off. */
  async withoutScripting(page: Page): Promise<Page> {
    return this.newcomer({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  }

  /** Nothing went wrong so far (BR-01, BR-09). */
  expectNoFaults(): void {
    expect(this.faults.splice(0), 'faults that no test looked for').toEqual([]);
  }

  async close(): Promise<void> {
    await Promise.all(this.contexts.splice(0).map((context) => context.close()));
  }

  private onlyWhereItBelongs(address: string): void {
    const { protocol, origin } = new URL(address);
    const belongs = [this.roster, ...this.providers].some(({ url }) => url === origin);
    if (['http:', 'https:', 'ws:', 'wss:'].includes(protocol) && !belongs) {
      this.faults.push(`another host was contacted: ${address}`);
    }
  }
}

/** Waits until the page is live: the WebAssembly has hydrated what the server rendered, unless scripting is off. */
export async function live(page: Page): Promise<Page> {
  if (withoutScripting.has(page.context())) return page;
  // Asked again and again from outside: the page's policy forbids what Playwright's own waiting would evaluate in it.
  const takenOver = () => page.evaluate(() => document.documentElement.hasAttribute('data-hydrated')).catch(() => false);
  await expect.poll(takenOver, { message: 'the WebAssembly took over', intervals: [20, 50, 100] }).toBe(true);
  return page;
}

/** Opens an address and waits until the page is live. */
export async function visit(page: Page, address: string): Promise<Page> {
  await page.goto(address);
  return live(page);
}

/** Does something that must not load a page anew: the single-page app goes on by itself. With scripting off every step is a new page. */
export async function withoutReload(page: Page, act: () => Promise<void>): Promise<void> {
  if (withoutScripting.has(page.context())) return act();
  await page.evaluate(() => ((window as unknown as { here?: boolean }).here = true));
  await act();
  expect(await page.evaluate(() => (window as unknown as { here?: boolean }).here), 'the page was loaded anew').toBe(true);
}
