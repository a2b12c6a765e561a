import { test, type Page } from '@playwright/test';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { People, visit } from '../support/people';
import { person } from '../support/person';
import { Roster } from '../support/roster';
import { invite, setUp, signUp } from '../support/steps';

/** How often each page is measured. */
const RUNS = Number(process.env.BENCH_RUNS ?? 5);
/** How many people the list shows: a whole page of it. */
const ROWS = 50;
/** How many of them have joined. */
const JOINED = 10;
const ROLES = ['Admin', 'Editor', 'Agent', 'Analyst', 'Viewer'];
const REPORTS = path.join(__dirname, 'reports');

/** The parts of a report that the table shows. */
interface Report {
  categories: { performance: { score: number } };
  audits: Record<string, { numericValue: number }>;
}

/** The columns of the table, each with the audit that it shows and how that is written. */
const COLUMNS: [string, string, (value: number) => string][] = [
  ['FCP', 'first-contentful-paint', seconds],
  ['LCP', 'largest-contentful-paint', seconds],
  ['TBT', 'total-blocking-time', (ms) => `${Math.round(ms)} ms`],
  ['SI', 'speed-index', seconds],
  ['CLS', 'cumulative-layout-shift', (shift) => shift.toFixed(3)],
  ['bytes', 'total-byte-weight', (bytes) => `${Math.round(bytes / 1000)} kB`],
];

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

test('Lighthouse', async ({ browser }) => {
  const roster = await Roster.start({ mail: true });
  const people = new People(browser, roster);
  try {
    const { invitation, cookies } = await seed(roster, people);
    // Nothing else shall be at work while pages are measured.
    await people.close();
    await browser.close();
    await mkdir(REPORTS, { recursive: true });
    const rows = [
      await measure('login', `${roster.url}/login`),
      await measure('invitation', invitation),
      await measure('users', `${roster.url}/a/acme/settings/users`, cookies),
    ];
    const [{ model }] = os.cpus();
    const load = os.loadavg().map((minutes) => minutes.toFixed(1)).join(', ');
    console.log(`\nLighthouse, mobile, median of ${RUNS}; ${os.cpus().length} cores, ${model}, load ${load}\n`);
    console.table(Object.fromEntries(rows));
  } finally {
    await people.close();
    await roster.stop();
  }
});

/** An account with a whole page of people; the link of an invitation that nobody answered, and the cookies of the owner's session. */
async function seed(roster: Roster, people: People): Promise<{ invitation: string; cookies: string }> {
  const owner = await people.newcomer();
  await setUp(owner, roster.setUpLink, person('Ana'), 'Acme Support', 'acme');
  let invitation = '';
  // The owner is the first of them.
  for (let n = 1; n < ROWS; n++) {
    invitation = await invited(roster, owner, n);
    if (n <= JOINED) await signUp(await people.newcomer(), invitation, person(`Person${n}`));
  }
  const cookies = (await owner.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  return { invitation, cookies };
}

/** Invites the n-th person, and answers the link that was mailed. */
async function invited(roster: Roster, owner: Page, n: number): Promise<string> {
  const { email } = person(`Person${n}`);
  await visit(owner, '/a/acme/settings/users');
  const dialog = await invite(owner, email, { role: ROLES[n % ROLES.length] });
  await dialog.waitFor({ state: 'hidden' });
  return (await roster.mail.to(email)).link;
}

/** Measures a page, keeps the reports, and answers its row of the table. */
async function measure(name: string, url: string, cookies?: string): Promise<[string, Record<string, string>]> {
  const reports: Report[] = [];
  for (let run = 1; run <= RUNS; run++) {
    // On a busy machine a browser now and then records nothing.
    const report = await lighthouse(url, cookies).catch(() => lighthouse(url, cookies));
    await writeFile(path.join(REPORTS, `${name}-${run}.json`), JSON.stringify(report));
    reports.push(report);
  }
  const scores = sorted(reports.map((report) => Math.round(report.categories.performance.score * 100)));
  const row: Record<string, string> = { 'score (min/median/max)': [scores[0], median(scores), scores[scores.length - 1]].join('/') };
  for (const [column, audit, written] of COLUMNS) {
    row[column] = written(median(reports.map((report) => report.audits[audit].numericValue)));
  }
  return [name, row];
}

/** One run, in a fresh browser; the preset is Lighthouse's own: a phone, its processor and network slowed down. */
async function lighthouse(url: string, cookies?: string): Promise<Report> {
  const flags = [
    '--headless --no-sandbox --disable-gpu --disable-quic',
    '--disable-background-networking --disable-component-update --disable-sync',
  ];
  const options = ['--only-categories=performance', '--output=json', '--quiet', `--chrome-flags=${flags.join(' ')}`];
  if (cookies) options.push(`--extra-headers=${JSON.stringify({ Cookie: cookies })}`);
  const { stdout } = await promisify(execFile)(path.join(__dirname, 'node_modules/.bin/lighthouse'), [url, ...options], {
    env: { ...process.env, CHROME_PATH: process.env.CHROMIUM },
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout);
}

function sorted(values: number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

function median(values: number[]): number {
  return sorted(values)[Math.floor(values.length / 2)];
}
