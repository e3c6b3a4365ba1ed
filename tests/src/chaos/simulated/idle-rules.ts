// What an idle stop must never be: one while the VM is used, or while that is unknown, or too soon after.

import { graceSeconds } from '@ondemand/core';
import { idleSettings } from './api-process.ts';
import type { AcceptedAction } from './simulated-oci.ts';
import type { Machine } from './simulated-vm.ts';

export interface IdleRules {
  readonly violations: readonly string[];
  readonly stops: number;
  onObserved(process: number): void;
  onNoted(process: number): void;
  /** An action through the API, by that process, counts as use. */
  onUse(process: number): void;
  /** What the process had seen and not noted is gone with it. */
  onEnded(process: number): void;
  onAction(action: AcceptedAction): void;
}

interface Seen {
  /** When it last saw, or caused, use of the VM or something unknown. */
  usedAt: number;
  notedAt: number;
  /** What was in use, or unknown, at its last observation. */
  busy: readonly string[];
}

/** Between two observations of any process: more than twice in a row all failed, or had no process. */
const longestGapSeconds = 180;
/** Before an observation that can be expected to show it; CPU is an average since the one before. */
const shownAfterSeconds = { connections: 2, sessions: 2, probe: 2, unknown: 2, cpu: 130 } as const;
/** Whole seconds, and those that an answer takes. */
const toleranceSeconds = 3;
/** A process writes an action at once where it can, and what it observed with its next observation at the latest. */
const slowestNoteSeconds = 90;

export function createIdleRules(machine: Machine): IdleRules {
  const violations: string[] = [];
  const seen: Seen[] = [0, 1].map(() => ({ usedAt: 0, notedAt: 0, busy: [] }));
  /** By processes that have ended. */
  let usedBefore = 0;
  /** When a time ended in which nobody could observe it, and anything may have used it. */
  let unobservedUntil = 0;
  let observedAt: number | undefined;
  let stops = 0;

  function findBusy(): string[] {
    const now = machine.now();
    const busy: string[] = [...machine.used]
      .filter(([kind, since]) => now - since >= shownAfterSeconds[kind])
      .map(([kind]) => kind);
    if (machine.heldLeases().length > 0) busy.push('lease');
    if ([...machine.jobs.values()].some(({ state }) => state === 'running')) busy.push('job');
    return busy;
  }

  /** The last use before the claim that this process could know of: what it saw, what is written on the VM, and what another has had time to write. */
  function findKnownUse(process: number, claimedAt: number): number {
    const notes = [...machine.notes.values()].map(({ at }) => at);
    const others = seen.filter((each) => each.usedAt < claimedAt - slowestNoteSeconds);
    const known = [usedBefore, seen[process]?.usedAt ?? 0, ...notes];
    const all = [...known, ...others.map((each) => each.usedAt)];
    return Math.max(0, ...all.filter((at) => at < claimedAt));
  }

  return {
    get stops() {
      return stops;
    },
    violations,
    onObserved(process) {
      const each = seen[process];
      if (each === undefined) return;
      each.busy = findBusy();
      if (each.busy.length > 0) each.usedAt = machine.now();
    },
    onNoted(process) {
      if (machine.observedAt !== observedAt) {
        const gap = (machine.observedAt ?? 0) - (observedAt ?? 0);
        if (observedAt !== undefined && gap > longestGapSeconds)
          unobservedUntil = machine.observedAt ?? 0;
        observedAt = machine.observedAt;
      }
      const each = seen[process];
      if (each !== undefined) each.notedAt = each.usedAt;
    },
    onUse(process) {
      const each = seen[process];
      if (each !== undefined) each.usedAt = machine.now();
    },
    onEnded(process) {
      usedBefore = Math.max(usedBefore, seen[process]?.notedAt ?? 0);
      seen[process] = { usedAt: 0, notedAt: 0, busy: [] };
    },
    onAction({ action, process }) {
      if (action !== 'SOFTSTOP') return; // which nobody but the idle stop sends here
      stops += 1;
      const now = machine.now();
      const { busy = [] } = seen[process] ?? {};
      const { announced, claimed, boot } = machine;
      const claimedAt = claimed?.at ?? now;
      const usedAt = Math.max(findKnownUse(process, claimedAt), unobservedUntil);
      const readyFor = now - (machine.dockerSince ?? now);
      const check = (holds: boolean, what: string) => {
        if (!holds) violations.push(`idle stop by process ${process}: ${what}`);
      };
      check(busy.length === 0, `while there was ${busy.join(', ')}`);
      check(claimed?.boot === boot, 'without a claim');
      check(
        claimedAt - usedAt >= idleSettings.stopAfter - toleranceSeconds,
        `${claimedAt - usedAt} s after the last use`,
      );
      check(readyFor >= graceSeconds - toleranceSeconds, `${readyFor} s after it was ready`);
      check(
        announced !== undefined && now - announced.at >= idleSettings.announce - 60,
        'not announced in time',
      );
    },
  };
}
