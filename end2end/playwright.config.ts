import { execFileSync } from 'node:child_process';
import { defineConfig, devices } from '@playwright/test';

/** The browser that CHROMIUM names, or the first on the path; if there is none, Playwright looks for one of its own. */
function chromium(): string | undefined {
  const names = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  for (const name of names) {
    if (!name) continue;
    try {
      return execFileSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' }).trim();
    } catch {
      // Not this one.
    }
  }
  return undefined;
}

export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  // Each file tells a story on a server of its own. One at a time leaves half of two cores idle, as server and browser wait for each other.
  workers: 2,
  forbidOnly: !!process.env.CI,
  // On a machine under load a story can be late. It is told once more and named; .ci/browser-results.mjs says what is a failure even so.
  retries: process.env.CI ? 1 : 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: 'list',
  use: {
    ...devices['Desktop Chrome'],
    // Else a click on what is not there waits as long as its test may.
    actionTimeout: 30_000,
    // To record every story takes a good part of the time of them all.
    trace: process.env.CI ? 'on-first-retry' : 'retain-on-failure',
    launchOptions: {
      executablePath: chromium(),
      // The browser itself calls nobody, so that whatever is called was called by a page (BR-09).
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
