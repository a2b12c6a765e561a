import { person } from '../support/person';

/** Somebody whom a provider knows. A test may change what it says of them; the identifier stays for good. */
export interface KnownPerson {
  readonly identifier: string;
  firstName: string;
  lastName: string;
  /** `null` where the provider keeps it to itself. */
  email: string | null;
  emailVerified: boolean;
}

/** The people of the tests, as a provider knows them that identifies the n-th like this. */
export function everybody(identifier: (name: string, n: number) => string): KnownPerson[] {
  return ['Ana', 'Ben', 'Cleo', 'Dan', 'Eve', 'Fred', 'Gina'].map((name, n) => ({
    identifier: identifier(name, n),
    firstName: name,
    lastName: 'Example',
    email: person(name).email,
    emailVerified: true,
  }));
}

/** The one of them with this first name. */
export function known(people: KnownPerson[], firstName: string): KnownPerson {
  const found = people.find((person) => person.firstName === firstName);
  if (!found) throw new Error(`the provider knows nobody called ${firstName}`);
  return found;
}
