// The STATUS column of `docker ps`, as the engine itself words it.

import { type NanoTime, nanosToMillis } from '../logs/nano-time.ts';

/** What the wording depends on. */
export interface StatusFacts {
  readonly status: string;
  readonly exitCode: number;
  readonly health: string | undefined;
  readonly startedAt: NanoTime;
  readonly finishedAt: NanoTime;
}

/** Words a state as dockerd does: https://github.com/moby/moby/blob/v28.3.3/container/state.go */
export function toStatusText(facts: StatusFacts, now: NanoTime): string {
  const up = humanDuration(nanosToMillis(now - facts.startedAt));
  const ago = humanDuration(nanosToMillis(now - facts.finishedAt));
  switch (facts.status) {
    case 'created':
      return 'Created';
    case 'running':
      if (facts.health === undefined) return `Up ${up}`;
      return `Up ${up} (${facts.health === 'starting' ? 'health: starting' : facts.health})`;
    case 'paused':
      return `Up ${up} (Paused)`;
    case 'restarting':
      return `Restarting (${facts.exitCode}) ${ago} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'exited':
      return `Exited (${facts.exitCode}) ${ago} ago`;
    default:
      return facts.status;
  }
}

/** Rounds as https://github.com/docker/go-units/blob/v0.5.0/duration.go does. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(ms / 3_600_000 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(ms / 3_600_000 / 24 / 365)} years`;
}
