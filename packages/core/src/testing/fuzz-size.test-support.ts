// How often a property is tried that costs next to nothing; the others take the default of the run.

import * as fc from 'fast-check';

/** For `fc.assert`. */
export function often(times = 8): { readonly numRuns: number } {
  return { numRuns: times * (fc.readConfigureGlobal().numRuns ?? 100) };
}
