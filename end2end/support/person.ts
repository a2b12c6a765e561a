/** A person of the tests. */
export interface Person {
  name: string;
  email: string;
}

/** Who a person of the tests is. */
export function person(name: string): Person {
  return { name: `${name} Example`, email: `${name.toLowerCase()}@example.org` };
}
