import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { Roster } from '../support/roster';

test.describe('the binary, copied alone into an empty folder', () => {
  let roster: Roster;

  test.beforeAll(async () => {
    // What makes the pages of a debug build load anew by themselves.
    roster = await Roster.start({ mail: false, settings: { LEPTOS_WATCH: 'ON' } });
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

  test('cf_06_nothing_of_it_is_for_development', async ({ request }) => {
    const page = await (await request.get(`${roster.url}/login`)).text();
    expect(page).not.toMatch(/live_reload|WebSocket/);
    const tools = ['/live_reload', '/metrics', '/debug/pprof/', '/swagger', '/openapi.json', '/server-status', '/.env', '/.git/HEAD'];
    for (const address of [...tools, '/pkg/roster.wasm.map', '/pkg/', '/api', '/api/']) {
      expect((await request.get(roster.url + address)).status(), address).toBe(404);
    }
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
