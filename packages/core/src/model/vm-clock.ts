// Times that the VM's clock gave, as this process's clock would have put them: the two may be hours apart.

import { toIsoTime } from './iso-time.ts';

/** Smaller differences are what a command takes to answer, in whole seconds; correcting them would make times jump. */
const toleranceMs = 5000;

/**
 * Seconds of the VM as ISO 8601 by our clock; both clocks are read at about the same moment.
 *
 * @example
 * toOwnTime(90, { vmNow: 100, nowMs: 3_600_000 }); // '1970-01-01T00:59:50.000Z'
 */
export function toOwnTime(
  seconds: number,
  { vmNow, nowMs }: { readonly vmNow: number; readonly nowMs: number },
): string {
  const aheadMs = nowMs - vmNow * 1000;
  const shiftMs = Math.abs(aheadMs) > toleranceMs ? aheadMs : 0;
  return toIsoTime(seconds * 1000 + shiftMs);
}
