// The VM's state as text for people.

import type { LifecycleState, VmState } from '@ondemand/client';
import { formatLocal } from '../output/local-time.ts';
import type { Style, TextStyle } from '../output/style.ts';
import { toFacts } from '../output/table.ts';

export function toVmFacts(
  { vmId, displayName, lifecycleState, ip, lastCheck }: VmState,
  style: Style,
  width?: number | undefined,
): string {
  return toFacts(
    [
      ['VM', vmId, 'bold'],
      ['Name', displayName],
      ['State', lifecycleState, toStateStyle(lifecycleState)],
      ['IP', ip ?? 'none'],
      ['Checked', formatLocal(lastCheck)],
    ],
    style,
    width,
  );
}

/** Green runs, dim is off, red is gone, yellow is on its way. */
export function toStateStyle(state: LifecycleState): TextStyle {
  if (state === 'RUNNING') return 'green';
  if (state === 'STOPPED') return 'dim';
  return state === 'TERMINATED' || state === 'TERMINATING' ? 'red' : 'yellow';
}
