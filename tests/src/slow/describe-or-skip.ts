// Tests that need what may not be to be had here.

import { describe, test } from 'vitest';

/** Runs the tests where it is to be had, else listed as skipped under a title that says why. */
export function describeWith<T extends object>(
  found: T | string,
  name: string,
  tests: (found: T) => void,
): void {
  if (typeof found !== 'string') describe(name, () => tests(found));
  else describe.skip(`${name} [skipped: ${found}]`, () => test('is not to be had', () => {}));
}
