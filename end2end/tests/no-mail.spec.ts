import { expect, test, type Page } from '@playwright/test';
import { useAccount } from '../support/account';
import { visit } from '../support/people';
import { person } from '../support/person';
import { invite, line, signUp } from '../support/steps';

for (const scripting of [true, false]) {
  const how = `with scripting ${scripting ? 'on' : 'off'}`;
  test.describe.serial(`without a mail server, ${how}`, () => tellTheStory(scripting));
}

function tellTheStory(scripting: boolean): void {
  const ana = person('Ana');
  const ben = person('Ben');
  let owner: Page;
  let link = '';

  const acme = useAccount({ scripting, mail: false }, (account) => {
    owner = account.owner;
  });

  test('r61_the_invitation_says_that_nothing_was_sent_and_offers_its_link', async () => {
    await owner.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await invite(owner, ben.email, { role: 'Editor' });
    await expect(owner.getByText(`${ben.email} is invited, but no email was sent`)).toBeVisible();
    await owner.locator('form', { hasText: 'Copy link' }).filter({ visible: true }).last().getByRole('button').click();
    await expect(owner.getByLabel('Link', { exact: true })).toHaveValue(/\/i\/[\w-]{43}$/);
    await visit(owner, '/a/acme/settings/users');
    await expect(line(owner, ben)).toContainText('Not sent: no mail server');
    await expect(line(owner, ben)).not.toContainText('Accepted');

    await line(owner, ben).getByRole('button', { name: /Copy/ }).click();
    await expect(owner.getByLabel('Link', { exact: true })).toHaveValue(/\/i\/[\w-]{43}$/);
    link = await owner.getByLabel('Link', { exact: true }).inputValue();
  });

  test('r61_the_outbox_shows_the_mail_that_was_not_sent', async () => {
    await visit(owner, '/a/acme/settings/outbox');
    await expect(owner.getByRole('heading', { name: 'No mail server is configured' })).toBeVisible();
    await expect(owner.getByRole('row').filter({ hasText: ben.email })).toBeVisible();
  });

  test('r12_a_handed_over_link_works_and_its_sponsor_is_named_as_voucher', async () => {
    const page = await acme.people.newcomer();
    await signUp(page, link, ben);
    await expect(page).toHaveURL(`${acme.roster.url}/a/acme`);
    await visit(owner, '/a/acme/settings/users');
    await expect(line(owner, ben)).toContainText(`${ana.name} shared the link`);
  });
}
