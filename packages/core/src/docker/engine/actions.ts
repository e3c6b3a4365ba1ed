// Start, stop and restart; when Docker's answer is lost the outcome is read from the container.

import type { CallOptions } from '../../adapter-ports.ts';
import { isAppError } from '../../app-error.ts';
import { pause, withDeadline } from '../../concurrency/deadline.ts';
import { toState } from '../format/to-container.ts';
import { unknownOutcome } from '../lost-response.ts';
import { type EngineTask, findOther, type OtherContainer, toAppError } from '../to-app-error.ts';
import {
  type EngineAction,
  judgeOutcome,
  type Observation,
  toObservation,
} from './action-outcome.ts';
import type { EngineClient } from './http-client.ts';
import { type EngineAnswer, LostAnswerError } from './http-request.ts';
import { type EngineReads, toContainerName, toContainerPath } from './list-and-inspect.ts';
import type { ContainerInspect } from './schemas.ts';

export interface EngineActionsOptions {
  readonly client: EngineClient;
  readonly reads: EngineReads;
}

export interface ActionOutcome {
  /** False when the container was already as asked. */
  readonly changed: boolean;
}

/**
 * Builds the actions. Each waits as long as the container's own time to stop asks for, and some more.
 * When the answer is lost the container is polled until the effect shows; if it does not, throws `SERVICE_UNAVAILABLE` with `details.outcome: "unknown"`.
 */
export function createEngineActions({ client, reads }: EngineActionsOptions) {
  return async function act(
    action: EngineAction,
    id: string,
    { signal }: CallOptions,
  ): Promise<ActionOutcome> {
    const container = await reads.inspect(id, { signal });
    const before = toObservation(container);
    const task: EngineTask = {
      operation: action,
      name: toContainerName(container),
      id: container.Id,
      state: toState(container.State.Status ?? '', ''),
    };
    const timeoutMs = toTimeoutMs(action, container);
    try {
      const answer = await client.send({
        operation: action,
        method: 'POST',
        path: `${toContainerPath(id)}/${action}`,
        headersTimeoutMs: timeoutMs,
        timeoutMs,
        signal,
      });
      if (answer.status === 304) return { changed: false };
      if (answer.status >= 200 && answer.status < 300) {
        if (action === 'stop') await untilListedAsStopped(container.Id, signal);
        return { changed: true };
      }
      throw toAppError(answer, task, await findOtherContainer(answer, task, container, signal));
    } catch (error) {
      if (!(error instanceof LostAnswerError)) throw error;
      // An engine that stayed silent had its time; after a cut it may still be at work.
      const waitMs = error.reason === 'timeout' ? 5000 : timeoutMs;
      const outcome = await awaitOutcome({ action, id, before, waitMs, signal });
      if (outcome !== undefined) return outcome;
      throw unknownOutcome(task, error);
    }
  };

  /** Docker answers a stop before its list says so, which is what the next read shows: a moment before, on a busy machine some more. */
  async function untilListedAsStopped(id: string, signal: AbortSignal | undefined): Promise<void> {
    const over = new Error('The list goes on saying that the container runs');
    try {
      await withDeadline(
        async (inner) => {
          while ((await reads.list({ name: id, signal: inner }))[0]?.state === 'running')
            await pause(20, inner);
        },
        { timeoutMs: listedWithinMs, signal, onTimeout: () => over },
      );
    } catch {
      signal?.throwIfAborted(); // else the stop, which Docker has confirmed, stays a success
    }
  }

  /** The other container that a refusal is about, by its name where it still exists. */
  async function findOtherContainer(
    answer: EngineAnswer,
    task: EngineTask,
    container: ContainerInspect,
    signal: AbortSignal | undefined,
  ): Promise<OtherContainer | undefined> {
    const ref = findOther(answer, task);
    if (ref === undefined) return undefined;
    const found = await reads.find(ref, { signal, headersTimeoutMs: 2000 }).catch(() => undefined);
    const name = found && toContainerName(found);
    return { ref, name, shares: toShares(container, [ref, found?.Id, name]) };
  }

  /** Polls until the outcome is proven, the time is up, or the engine has been out of reach for `outOfReachMs`; a connection that is being made then is waited for. */
  async function awaitOutcome(options: OutcomeQuery): Promise<ActionOutcome | undefined> {
    const over = new Error('The outcome was not seen in time');
    const poll = (stopped: AbortSignal) => pollOutcome(options, stopped);
    try {
      return await withDeadline(poll, {
        timeoutMs: options.waitMs,
        signal: options.signal,
        onTimeout: () => over,
      });
    } catch (error) {
      if (error === over) return undefined;
      throw error;
    }
  }

  async function pollOutcome(
    { action, id, before }: OutcomeQuery,
    signal: AbortSignal,
  ): Promise<ActionOutcome | undefined> {
    let giveUpAtMs = performance.now() + outOfReachMs;
    for (let delayMs = 100; ; delayMs = Math.min(delayMs * 2, 1000)) {
      try {
        const seen = await reads.find(id, { signal });
        const outcome = judgeOutcome(action, before, seen && toObservation(seen));
        if (outcome !== undefined) return outcome;
        giveUpAtMs = performance.now() + outOfReachMs;
      } catch (error) {
        signal.throwIfAborted();
        if (performance.now() >= giveUpAtMs) return undefined;
        if (!isAppError(error, 'SERVICE_UNAVAILABLE')) throw error;
        if (error.details.reason === 'CONNECTION_CLOSED') return undefined; // this process shuts down
      }
      await pause(Math.min(delayMs, giveUpAtMs - performance.now()), signal);
    }
  }
}

/** What the container shares with the one that has one of these names. */
function toShares(
  { HostConfig }: ContainerInspect,
  refs: readonly (string | undefined)[],
): string | undefined {
  const isOther = (mode: string | null | undefined) =>
    mode?.startsWith('container:') && refs.includes(mode.slice('container:'.length));
  if (isOther(HostConfig?.NetworkMode)) return 'network';
  if (isOther(HostConfig?.PidMode)) return 'processes';
  if (isOther(HostConfig?.IpcMode)) return 'shared memory';
  const volumes = HostConfig?.VolumesFrom ?? [];
  return volumes.some((each) => refs.includes(each.split(':', 1)[0])) ? 'volumes' : undefined;
}

interface OutcomeQuery extends CallOptions {
  readonly action: EngineAction;
  readonly id: string;
  readonly before: Observation;
  readonly waitMs: number;
}

const listedWithinMs = 2000;
/** Enough for a restart of sshd or of the engine; after that the caller is told that the outcome is unknown. */
const outOfReachMs = 4000;
const defaultStopSeconds = 10;
const maxStopSeconds = 300;

/** The container's own time to stop, and time for the engine on top: networks and mounts can take long. */
function toTimeoutMs(action: EngineAction, { Config }: ContainerInspect): number {
  const own = Config?.StopTimeout ?? defaultStopSeconds;
  const stopSeconds = own < 0 ? maxStopSeconds : Math.min(own, maxStopSeconds);
  const seconds = { start: 60, stop: stopSeconds + 20, restart: stopSeconds + 60 }[action];
  return seconds * 1000;
}
