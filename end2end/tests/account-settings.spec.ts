import { expect, test, type Page } from '@playwright/test';
import { useAccount } from '../support/account';
import { visit, withoutReload } from '../support/people';
import { person } from '../support/person';
import { invite, signUp } from '../support/steps';

const [ana, ben, cid] = ['Ana', 'Ben', 'Cid'].map(person);
const SETTINGS = '/a/acme/settings/account';

for (const scripting of [true, false]) {
  test.describe.serial(`Settings → Account, with scripting ${scripting ? 'on' : 'off'}`, () => account(scripting));
}

function account(scripting: boolean): void {
  let owner: Page;
  let member: Page;

  const acme = useAccount({ scripting }, async (account) => {
    owner = account.owner;
    await invite(owner, ben.email, { role: 'Owner' });
    member = await account.people.newcomer();
    await signUp(member, (await account.roster.mail.to(ben.email)).link, ben);
  });

  test('r66_of_two_owners_who_change_the_account_the_second_is_told_and_loses_nothing', async () => {
    await visit(member, SETTINGS);
    await visit(owner, '/a/acme');
    await withoutReload(owner, async () => {
      await owner.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: 'Account', exact: true }).click();
      await owner.getByLabel('Account name').fill('Acme Support');
      await owner.getByRole('button', { name: 'Save', exact: true }).click();
      await expect(owner.getByText('Saved.')).toBeVisible();
      await expect(owner.getByRole('banner').getByText('Acme Support').first()).toBeVisible();
    });
    await member.getByLabel('Account name').fill('Acme Service');
    await member.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(member.getByText(/changed this in the meantime/)).toBeVisible();
    await expect(member.getByLabel('Account name')).toHaveValue('Acme Service');
  });

  test('r21_invitations_begin_with_what_the_account_settled', async () => {
    await visit(owner, SETTINGS);
    await owner.getByLabel('Default role').selectOption({ label: 'Editor' });
    await owner.getByLabel('Invitation links expire after').selectOption({ label: '1 day' });
    await owner.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(owner.getByText('Saved.')).toBeVisible();
    for (const dialog of ['new', 'new/several']) {
      await visit(owner, `/a/acme/settings/users/${dialog}`);
      await expect(owner.getByRole('dialog').getByRole('combobox', { name: 'Role' })).toHaveValue('editor');
      await expect(owner.getByRole('dialog').locator('[name="form[lifetime]"]')).toHaveValue('24');
    }
  });

  test('cf_08_an_account_is_deleted_kept_and_moved_and_what_is_typed_elsewhere_stays', async () => {
    await visit(owner, SETTINGS);
    const own = async () => {
      await owner.getByLabel('Account name').fill('Unsaved');
      await owner.getByLabel('To confirm, type the name of the account').fill('Acme Support');
      await owner.getByRole('button', { name: 'Delete this account' }).click();
      await expect(owner.getByText('The account is scheduled for deletion in 14 days.')).toBeVisible();
    };
    if (scripting) {
      await withoutReload(owner, own);
      await expect(owner.getByLabel('Account name')).toHaveValue('Unsaved');
    } else {
      await own();
    }
    await acme.roster.mail.to(ben.email, /is scheduled for deletion/);
    await visit(member, '/a/acme');
    await expect(member.getByText(`${ana.name} asked for it.`)).toBeVisible();
    await member.getByRole('link', { name: 'Keep this account' }).click();
    await member.getByRole('button', { name: 'Keep this account' }).click();
    await expect(member.getByText('The account stays.')).toBeVisible();
    await expect(member.getByText('This account is scheduled for deletion after')).toHaveCount(0);

    await visit(member, SETTINGS);
    for (const [slug, back] of [['acme-support', '/a/acme-support/settings/account'], ['acme', SETTINGS]] as const) {
      await member.getByLabel('New address').fill(slug);
      await member.getByRole('button', { name: 'Change the address' }).click();
      await expect(member.getByText('The account has its new address.')).toBeVisible();
      await expect(member).toHaveURL(new RegExp(`${back}(\\?.*)?$`));
    }
  });

  test('r34_ownership_is_offered_withdrawn_offered_again_and_accepted', async () => {
    await visit(owner, '/a/acme/settings/users');
    await invite(owner, cid.email, { role: 'Viewer' });
    const heir = await acme.people.newcomer();
    await signUp(heir, (await acme.roster.mail.to(cid.email)).link, cid);

    await visit(owner, SETTINGS);
    await withoutReload(owner, async () => {
      await offer(owner, 'nobody@example.org');
      await expect(owner.getByText('No active member of this account has this address.')).toBeVisible();
      await offer(owner, cid.email);
      await expect(owner.getByText('Ownership offered.')).toBeVisible();
      await owner.getByRole('button', { name: 'Withdraw the offer' }).click();
      await expect(owner.getByText('Offer withdrawn.')).toBeVisible();
      await offer(owner, cid.email);
      await expect(owner.getByText('Ownership offered.')).toBeVisible();
    });

    await visit(heir, '/a/acme');
    await withoutReload(heir, async () => {
      await expect(heir.getByText(`${ana.name} (${ana.email}) wants to hand`)).toBeVisible();
      await heir.getByRole('button', { name: 'Accept ownership' }).click();
      await expect(heir.getByText('You’re now an owner of this account.')).toBeVisible();
    });
    await expect(heir.getByRole('button', { name: 'Accept ownership' })).toHaveCount(0);
    await acme.roster.mail.to(cid.email, /You’re now an owner of/);
    await acme.roster.mail.to(ana.email, /Your offer of ownership/);
    await visit(owner, '/a/acme');
    await expect(owner.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: 'Account', exact: true })).toHaveCount(0);
  });
}

async function offer(owner: Page, email: string): Promise<void> {
  await owner.getByLabel('Email address of the new owner').fill(email);
  await owner.getByRole('button', { name: 'Offer ownership' }).click();
}
