import { expect, test, type Page } from '@playwright/test';
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { HttpsServer } from '../providers/provider';
import { People, live, visit } from '../support/people';
import { person } from '../support/person';
import { Roster } from '../support/roster';
import { invite, setUp } from '../support/steps';

const WEBHOOKS = '/a/acme/settings/webhooks';

/** The receiver of docs/examples, from a place where it finds the published library. */
async function example(): Promise<{ receiver(secret: string, handle: (event: Told) => void): NodeJS.EventEmitter }> {
  const folder = path.resolve(__dirname, '../test-results/examples');
  await mkdir(folder, { recursive: true });
  const copy = path.join(folder, 'webhook-receiver.mjs');
  await copyFile(path.resolve(__dirname, '../../docs/examples/webhook-receiver.mjs'), copy);
  // Not `import` as it stands, which would be made a `require`.
  return new Function('address', 'return import(address)')(pathToFileURL(copy).href);
}

interface Told {
  type: string;
  data: { member?: { email: string; status: string } };
}

let roster: Roster;
let people: People;
let owner: Page;
let https: HttpsServer;
let answers: NodeJS.EventEmitter | undefined;

test.beforeAll(async ({ browser }) => {
  // Before the secret is known, it is down.
  https = await HttpsServer.start(async () => (request, response) => {
    if (answers) answers.emit('request', request, response);
    else response.writeHead(503).end('not yet');
  });
  roster = await Roster.start({ mail: false, providers: true });
  people = new People(browser, roster);
  owner = await people.newcomer();
  await setUp(owner, roster.setUpLink, person('Ana'), 'Acme', 'acme');
});

test.afterEach(() => people.expectNoFaults());

test.afterAll(async () => {
  await people?.close();
  await https?.stop();
  await roster?.stop();
});

test('lt_10_a_webhook_is_added_tried_and_tells_the_example_receiver_what_happens', async () => {
  const told: Told[] = [];
  await owner.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: 'Webhooks' }).click();
  await expect(owner.getByRole('heading', { name: 'No webhooks yet' })).toBeVisible();
  await owner.getByRole('link', { name: 'New webhook' }).click();
  const dialog = owner.getByRole('dialog', { name: 'New webhook' });
  await dialog.getByRole('textbox', { name: 'Address', exact: true }).fill('http://example.org/');
  await dialog.getByRole('button', { name: 'Add webhook' }).click();
  await expect(dialog.getByRole('textbox', { name: 'Address', exact: true })).toHaveAttribute('aria-invalid', 'true');
  await dialog.getByRole('textbox', { name: 'Address', exact: true }).fill(`${https.url}/roster`);
  await dialog.getByLabel('Only these events').check();
  await dialog.getByLabel('invitation.created').check();
  await dialog.getByRole('button', { name: 'Add webhook' }).click();
  const secret = await dialog.getByLabel('Signing secret').inputValue();
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  await dialog.getByRole('link', { name: 'Open this webhook' }).click();
  await expect(owner.getByText('Nothing has been sent yet')).toBeVisible();

  await owner.getByRole('button', { name: 'Send a test event' }).click();
  const delivery = owner.getByRole('listitem').filter({ hasText: 'webhook.test' });
  await expect(delivery).toContainText('Status 503');
  await delivery.getByText('Request and answer', { exact: true }).click();
  await expect(delivery.locator('pre').last()).toHaveText('not yet');
  await delivery.getByText('Request and answer', { exact: true }).click();
  answers = (await example()).receiver(secret, (event) => told.push(event));
  await delivery.getByRole('button', { name: 'Redeliver' }).click();
  await expect(delivery).toContainText('Delivered');
  await expect(delivery).toContainText('Status 204');

  const newcomer = person('Ben').email;
  await visit(owner, '/a/acme/settings/users');
  await invite(owner, newcomer, { role: 'Viewer' });
  await expect.poll(() => told.map((event) => event.type)).toEqual(['webhook.test', 'invitation.created']);
  expect(told[1].data.member).toMatchObject({ email: newcomer, status: 'invited' });

  await visit(owner, WEBHOOKS);
  await expect(owner.getByText('whsec_')).toHaveCount(0);
  await owner.getByRole('link', { name: `${https.url}/roster` }).click();
  await live(owner);
  await owner.getByText('Remove …').click();
  await owner.getByRole('button', { name: 'Remove this webhook' }).click();
  await expect(owner.getByText('The webhook was removed.')).toBeVisible();
  await expect(owner.getByRole('heading', { name: 'No webhooks yet' })).toBeVisible();
});
