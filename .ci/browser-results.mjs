#!/usr/bin/env node
// Reads Playwright's report (JSON), names the stories that passed only when told again, and prints how many tests passed and failed.
// A fault in the browser itself (a panic, a call to another host) counts as a failure even so: it was seen once, and it is real.
import { readFileSync } from 'node:fs';

const FAULTS = 'faults that no test looked for';

const specs = (suite) => [...(suite.specs ?? []), ...(suite.suites ?? []).flatMap(specs)];

let [passed, failed] = [0, 0];
for (const spec of specs(JSON.parse(readFileSync(process.argv[2], 'utf8')))) {
  for (const { status, results } of spec.tests) {
    const errors = results.flatMap((result) => result.errors).map(({ message }) => message ?? '');
    const isFaulty = errors.some((message) => message.includes(FAULTS));
    if (status === 'flaky') process.stderr.write(`passed only when told again: ${spec.title}${isFaulty ? ' (a fault)' : ''}\n`);
    // A test that was skipped because the one before it failed has failed too.
    if (status === 'expected' || (status === 'flaky' && !isFaulty)) passed += 1;
    else failed += 1;
  }
}
process.stdout.write(`${passed} ${failed}\n`);
