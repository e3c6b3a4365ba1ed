// How far the VM is on its way, in words; each stage once, with how long it took.

import type { VmReady } from '@ondemand/client';
import { formatDuration } from '../output/duration.ts';
import { formatTime } from '../output/past-time.ts';

/** The same until something changes that a person would wait for. */
export function toStage({ ready, vm, ssh, nextStart }: VmReady): string {
  if (nextStart !== undefined)
    return `${vm.lifecycleState}, OCI is out of hosts: the next try is at ${formatTime(new Date(nextStart.at))}`;
  if (vm.lifecycleState === undefined && !ssh.ok) return 'state unknown';
  const state = vm.lifecycleState ?? 'OCI does not answer';
  if (ready) return `${state}, SSH and Docker answer`;
  return ssh.ok ? `${state}, SSH answers` : state;
}

/** Why it is not ready yet; undefined where it is. */
export function toReasonWhy({ ready, vm, ssh, docker }: VmReady): string | undefined {
  if (ready) return undefined;
  return vm.reason ?? (ssh.ok ? docker.reason : ssh.reason);
}

export interface Stages {
  /** The line of a stage that has just been reached; undefined while it is still the same. */
  next(ready: VmReady): string | undefined;
}

/** Lines of when, what, and how long the stage before took. */
export function createStages(nowMs: () => number = () => performance.now()): Stages {
  const startedAt = nowMs();
  let shown: string | undefined;
  let shownAt = startedAt;
  return {
    next(ready) {
      const stage = toStage(ready);
      if (stage === shown) return undefined;
      const now = nowMs();
      const took = shown === undefined ? '' : `   (after ${formatDuration(now - shownAt)})`;
      shown = stage;
      shownAt = now;
      return `${formatDuration(now - startedAt).padStart(6)}   ${stage}${took}\n`;
    },
  };
}
