import { createHmac } from 'node:crypto';
import type { Page } from '@playwright/test';

const STEP_SECONDS = 30;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** An authenticator app (RFC 6238), which never shows a code twice: Roster takes each once, and none before it. */
export class Authenticator {
  private last = 0;

  private constructor(private readonly seed: Buffer) {}

  /** Takes the key that a page shows as text. */
  static async from(page: Page): Promise<Authenticator> {
    const text = (await page.locator('code.seed').innerText()).replace(/\s/g, '');
    const bits = [...text].map((c) => BASE32.indexOf(c).toString(2).padStart(5, '0')).join('');
    const bytes = bits.match(/.{8}/g) ?? [];
    return new Authenticator(Buffer.from(bytes.map((byte) => parseInt(byte, 2))));
  }

  /** The next code that Roster takes: of the step before, of this one, or of the next; a further one is waited for. */
  async code(): Promise<string> {
    const now = () => Math.floor(Date.now() / 1000 / STEP_SECONDS);
    // One that is about to be too old would be so on arrival.
    const fresh = Date.now() / 1000 / STEP_SECONDS - now() < 0.8;
    const step = Math.max(this.last + 1, now() - (fresh ? 1 : 0));
    while (now() + 1 < step) await new Promise((resolve) => setTimeout(resolve, 500));
    this.last = step;
    return this.at(step);
  }

  private at(step: number): string {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const mac = createHmac('sha1', this.seed).update(counter).digest();
    const offset = mac[mac.length - 1] & 15;
    return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
  }
}
