// Converts an engine's event to ours.

import type { EngineEvent } from '../adapter-ports.ts';
import { containerEventActions, type OnDemandEvent } from '../model/event.ts';
import { toIsoTime } from '../model/iso-time.ts';

/** `undefined` for what callers are not told: exec and attach, which health checks do all the time, and what is unknown. */
export function toContainerEvent({
  at,
  containerId,
  action: said,
  attributes,
}: EngineEvent): OnDemandEvent | undefined {
  const [word = '', detail = ''] = said.split(/:\s*/, 2);
  const action = containerEventActions.find((known) => known === word);
  if (action === undefined) return undefined;
  const timeMs = new Date(at.seconds * 1000 + Math.trunc(at.nanos / 1e6)).getTime();
  if (Number.isNaN(timeMs)) return undefined;
  const exitCode = action === 'die' ? parseExitCode(attributes.exitCode) : undefined;
  return {
    type: 'container',
    time: toIsoTime(timeMs),
    name: attributes.name?.replace(/^\//, '') || containerId.slice(0, 12),
    action,
    image: attributes.image ?? '',
    ...(exitCode !== undefined && { exitCode }),
    ...(action === 'health_status' && detail !== '' && { health: detail }),
  };
}

function parseExitCode(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,10}$/.test(text) ? Number(text) : undefined;
}
