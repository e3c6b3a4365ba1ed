// Console histories: captures of the serial console, at most ten at a time, each ready after a few reads.

import { createOcid, type World } from '../instance-state.ts';
import { notFound, OciError } from './answers.ts';

export interface ConsoleHistory {
  readonly id: string;
  readonly instanceId: string;
  readonly compartmentId: string;
  readonly availabilityDomain: string;
  readonly displayName: string;
  readonly lifecycleState: 'REQUESTED' | 'GETTING-HISTORY' | 'SUCCEEDED' | 'FAILED';
  readonly timeCreated: string;
  readonly definedTags: Record<string, never>;
  readonly freeformTags: Record<string, never>;
}

export interface ConsoleHistories {
  /** Throws `OciError` 400 LimitExceeded when ten are kept. */
  capture(text: string): ConsoleHistory;
  list(): readonly ConsoleHistory[];
  /** Each read moves a history one state on, up to `end`. */
  advance(id: string, end: 'SUCCEEDED' | 'FAILED'): ConsoleHistory;
  /** The text as it was when captured; throws `OciError` 409 while it is not SUCCEEDED. */
  read(id: string): string;
  remove(id: string): void;
}

const limit = 10;

export function createConsoleHistories(world: World, availabilityDomain: string): ConsoleHistories {
  const kept = new Map<string, { history: ConsoleHistory; readonly text: string }>();
  const find = (id: string) => {
    const entry = kept.get(id);
    if (entry === undefined) throw notFound();
    return entry;
  };

  return {
    capture(text) {
      if (kept.size >= limit) {
        throw new OciError(
          400,
          'LimitExceeded',
          `The maximum number of console histories (${limit}) for the instance has been reached.`,
        );
      }
      const history: ConsoleHistory = {
        id: createOcid('consolehistory', world.region),
        instanceId: world.instance.id,
        compartmentId: world.instance.compartmentId,
        availabilityDomain,
        displayName: `consolehistory${Date.now()}`,
        lifecycleState: 'REQUESTED',
        timeCreated: new Date().toISOString(),
        definedTags: {},
        freeformTags: {},
      };
      kept.set(history.id, { history, text });
      return history;
    },
    list: () => Array.from(kept.values(), ({ history }) => history),
    advance(id, end) {
      const entry = find(id);
      const { lifecycleState } = entry.history;
      if (lifecycleState === 'REQUESTED') {
        entry.history = { ...entry.history, lifecycleState: 'GETTING-HISTORY' };
      } else if (lifecycleState === 'GETTING-HISTORY') {
        entry.history = { ...entry.history, lifecycleState: end };
      }
      return entry.history;
    },
    read(id) {
      const { history, text } = find(id);
      if (history.lifecycleState !== 'SUCCEEDED') {
        throw new OciError(
          409,
          'IncorrectState',
          `The console history is in state ${history.lifecycleState}, not SUCCEEDED.`,
        );
      }
      return text;
    },
    remove(id) {
      find(id);
      kept.delete(id);
    },
  };
}
