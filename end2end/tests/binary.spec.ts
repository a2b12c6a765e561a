import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { Roster } from '../support/roster';

test.describe('the binary, copied alone into an empty folder', () => {
  let roster: Roster;

  test.beforeAll(async () => {
    roster = await Roster.start({ mail: false });
  });

  test.afterAll(() => roster.stop());

  test('serves its pages and all that they load', async ({ request }) => {
    for (const address of ['/healthz', '/readyz', '/login', '/pkg/roster.js', '/pkg/roster.wasm', '/pkg/roster.css', '/favicon.svg']) {
      const answer = await request.get(roster.url + address);
      expect(answer.status(), address).toBe(200);
      expect((await answer.body()).length, address).toBeGreaterThan(0);
    }
    const wasm = await request.get(`${roster.url}/pkg/roster.wasm`, { headers: { 'Accept-Encoding': 'br' } });
    expect(wasm.headers()).toMatchObject({ 'content-type': 'application/wasm', 'content-encoding': 'br' });
  });

  test('starts within two seconds and idles in little memory', async ({}, { annotations }) => {
    let idle = 'unknown';
    try {
      idle = readFileSync(`/proc/${roster.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+ kB)/)?.[1] ?? idle;
    } catch {
      // Not a Linux.
    }
    console.log(`    first answer after ${roster.startedIn} ms, ${idle} resident`);
    annotations.push({ type: 'figures', description: `start ${roster.startedIn} ms, resident ${idle}` });
    expect(roster.startedIn).toBeLessThan(2_000);
  });

  test('prints one set-up link, and hides secrets in its configuration', async () => {
    expect(roster.printed.match(/\/s\/[\w-]+/g)).toHaveLength(1);
    expect(await roster.command('config', 'print')).toContain(roster.url);
  });

  test('ends in order when asked to', async () => {
    expect(await roster.end()).toBe(0);
  });
});
