import { test, type Page } from '@playwright/test';
import { People } from './people';
import { person } from './person';
import { Roster, type Options } from './roster';
import { setUp } from './steps';

/** A Roster with the account Acme at `/a/acme`, whose owner is Ana. */
export interface Account {
  roster: Roster;
  people: People;
  /** Ana's browser, on Settings → Users at first. */
  owner: Page;
}

/** How it is started, and whether its people have scripting on. */
export interface AccountOptions extends Options {
  scripting?: boolean;
}

/**
 * An account for the tests of the block that calls this, on a Roster of its own: made before the first of them, with what `prepare` adds to it, and taken
 * down after the last one; and after each of them nothing has gone wrong that it did not look for. What is answered is filled in by then.
 */
export function useAccount(
  { scripting = true, ...options }: AccountOptions = {},
  prepare: (account: Account) => Promise<void> | void = () => {},
): Account {
  const account = {} as Account;
  test.beforeAll(async ({ browser }) => {
    account.roster = await Roster.start({ mail: true, ...options });
    account.people = new People(browser, account.roster, [], { javaScriptEnabled: scripting });
    account.owner = await account.people.newcomer();
    await setUp(account.owner, account.roster.setUpLink, person('Ana'), 'Acme', 'acme');
    await prepare(account);
  });
  test.afterEach(() => account.people.expectNoFaults());
  test.afterAll(async () => {
    await account.people?.close();
    await account.roster?.stop();
  });
  return account;
}
