// After a followed log has ended: waits until its container, or a new one of the same name, may have logged more.

import type { CallOptions, Clock, EngineContainer } from '../adapter-ports.ts';
import { isAppError } from '../app-error.ts';
import { pause } from '../concurrency/deadline.ts';
import { containerMissing } from '../model/container-not-found.ts';
import { isGoing, mayHaveRun } from './ran-between-observations.ts';

export interface ContainerSearchOptions {
  readonly name: string;
  /** What `name` meant when the log was first asked for. */
  readonly container: EngineContainer;
  /** Throws `NOT_FOUND`. */
  readonly find: (name: string, options: CallOptions) => Promise<EngineContainer>;
  readonly clock: Pick<Clock, 'elapsedMs'>;
  readonly signal: AbortSignal;
}

export interface ContainerSearch {
  /**
   * The id of the container whose log is to be asked for next; `undefined` when that can never be, because the one with the wanted id is gone.
   * Polls at most once a second, unless the log delivered something. Throws `NOT_FOUND` when no container has had the name for 30 s.
   */
  next(): Promise<string | undefined>;
  /** Call when the log delivered something. */
  brought(): void;
  /** Call when the log was cut: then it is asked for again whether or not its container runs. */
  lost(): void;
}

/** For one who followed the log before: between two containers of the name there may be none for a moment. Throws `NOT_FOUND`. */
export async function findAgain(
  name: string,
  { find, signal }: Pick<ContainerSearchOptions, 'find' | 'signal'>,
): Promise<EngineContainer> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await find(name, { signal });
    } catch (error) {
      if (!isAppError(error, 'NOT_FOUND') || attempts === maxAttempts) throw error;
    }
    await pause(pollMs, signal);
  }
}

export function createContainerSearch({
  name,
  container,
  find,
  clock,
  signal,
}: ContainerSearchOptions): ContainerSearch {
  const isById = container.name !== name;
  let last = container;
  let isQuiet = true;
  let isLost = false;
  let goneSinceMs: number | undefined;

  return {
    async next() {
      if (isQuiet && !isLost) await pause(pollMs, signal);
      for (;;) {
        const found = await check();
        if (found === undefined && isById) return undefined;
        if (found === undefined) checkGone();
        else if (isWanted(found)) return found.id;
        await pause(pollMs, signal);
      }
    },
    brought() {
      isQuiet = false;
    },
    lost() {
      isLost = true;
      goneSinceMs = undefined;
    },
  };

  async function check(): Promise<EngineContainer | undefined> {
    const found = await find(name, { signal }).catch((error: unknown) => {
      if (isAppError(error, 'NOT_FOUND')) return undefined;
      throw error;
    });
    if (found === undefined || isGoing(found)) return undefined;
    return isById && found.id !== container.id ? undefined : found;
  }

  function isWanted(found: EngineContainer): boolean {
    const isWorthIt = isLost || mayHaveRun(last, found);
    last = found;
    goneSinceMs = undefined;
    if (!isWorthIt) return false;
    isLost = false;
    isQuiet = true;
    return true;
  }

  /** A rebuild takes the old container away before the new one is there. */
  function checkGone(): void {
    const nowMs = clock.elapsedMs();
    goneSinceMs ??= nowMs;
    if (nowMs - goneSinceMs >= goneMs) throw containerMissing(name);
  }
}

const pollMs = 1000;
const maxAttempts = 5;
const goneMs = 30_000;
