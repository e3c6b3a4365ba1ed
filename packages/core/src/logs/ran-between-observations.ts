// Decides from two observations of a container whether it may have logged in between.

import type { EngineContainer } from '../adapter-ports.ts';

type Observation = Pick<EngineContainer, 'id' | 'state' | 'uptime'>;

/** True while its processes exist, so that its log can be followed. */
export function isAlive({ state }: Pick<Observation, 'state'>): boolean {
  return state === 'running' || state === 'paused';
}

/** True once it is on its way out: its log cannot be read any more, and it never comes back. */
export function isGoing({ state }: Pick<Observation, 'state'>): boolean {
  return state === 'removing' || state === 'dead';
}

/** False only for a container that has not run since the observation before: a run can be shorter than the poll interval. */
export function mayHaveRun(before: Observation, now: Observation): boolean {
  if (isAlive(before) || isAlive(now) || before.id !== now.id || before.state !== now.state) {
    return true;
  }
  const [was, is] = [readEnd(before.uptime), readEnd(now.uptime)];
  if (was === undefined || is === undefined) return before.uptime !== now.uptime;
  if (was.how !== is.how || is.ageSeconds < was.ageSeconds) return true;
  // Seconds that do not pass are a newer end.
  return is.ageSeconds === was.ageSeconds && is.ageSeconds < 60;
}

const units: Readonly<Record<string, number>> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86_400,
  week: 604_800,
  month: 2_592_000,
  year: 31_536_000,
};

/** `Exited (0) 5 minutes ago`: how it ended, and at least how long ago. */
function readEnd(uptime: string): { how: string; ageSeconds: number } | undefined {
  const match = /^(.*\)) (Less than a|About an?|\d+) ([a-z]+?)s? ago$/.exec(uptime);
  const [, how = '', amount = '', unit = ''] = match ?? [];
  const unitSeconds = units[unit];
  if (unitSeconds === undefined) return undefined;
  const count = amount.startsWith('Less') ? 0 : amount.startsWith('About') ? 1 : Number(amount);
  return { how, ageSeconds: count * unitSeconds };
}
