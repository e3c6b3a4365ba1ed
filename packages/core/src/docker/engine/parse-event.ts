// One object of the engine's event stream as an event: Docker's own words, whichever engine speaks.

import type { EngineEvent } from '../../adapter-ports.ts';
import type { LogTime } from '../../model/log-line.ts';
import { engineEventSchema, type RawEngineEvent } from './schemas.ts';

/** `undefined` for what is no event of a container, or none that can be understood. */
export function toEngineEvent(text: string): EngineEvent | undefined {
  const raw = parse(text);
  if (raw === undefined) return undefined;
  const type = raw.Type ?? 'container';
  const containerId = raw.Actor?.ID ?? raw.id ?? raw.ID ?? '';
  const action = toAction(raw);
  const at = toTime(text, raw);
  if (type !== 'container' || containerId === '' || action === '' || at === undefined) {
    return undefined;
  }
  return { at, containerId, action, attributes: toAttributes(raw) };
}

function parse(text: string): RawEngineEvent | undefined {
  try {
    return engineEventSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Podman's words for the same: https://docs.podman.io/en/latest/markdown/podman-events.1.html */
const foreignActions: ReadonlyMap<string, string> = new Map([
  ['died', 'die'],
  ['remove', 'destroy'],
  ['unpaused', 'unpause'],
]);

function toAction({ Action, status, Status, HealthStatus }: RawEngineEvent): string {
  const word = Action || status || Status || '';
  if (word === 'health_status' && HealthStatus) return `health_status: ${HealthStatus}`;
  return foreignActions.get(word) ?? word;
}

function toAttributes({
  Actor,
  Attributes,
  Name,
  from,
  Image,
}: RawEngineEvent): Record<string, string> {
  const given = Actor?.Attributes ?? Attributes ?? {};
  const name = given.name ?? Name;
  const image = given.image ?? from ?? Image;
  const exitCode = given.exitCode ?? given.containerExitCode;
  return {
    ...given,
    ...(name && { name }),
    ...(image && { image }),
    ...(exitCode && { exitCode }),
  };
}

/** Attributes are texts all of them, and quotes inside a text are escaped: only the event's own time reads so. */
const nanoPattern = /"timeNano"\s*:\s*(\d{10,19})\b/;

/** As a number the nanoseconds would be rounded to some hundred. */
function toTime(text: string, { time, timeNano }: RawEngineEvent): LogTime | undefined {
  const digits = nanoPattern.exec(text)?.[1];
  if (digits !== undefined && timeNano) {
    return { seconds: Number(digits.slice(0, -9)), nanos: Number(digits.slice(-9)) };
  }
  return time ? { seconds: Math.trunc(time), nanos: 0 } : undefined;
}
