// Follows a log for as long as it is read, across restarts of the container, lost connections and restarts of Docker.

import type {
  CallOptions,
  Clock,
  Engine,
  EngineContainer,
  FollowLogOptions,
  StampedLine,
} from '../adapter-ports.ts';
import { isAppError } from '../app-error.ts';
import { badRequest } from '../bad-request.ts';
import { toAbortableIterator } from '../concurrency/abortable-iterator.ts';
import { createRetryWindow } from '../concurrency/retry-window.ts';
import { containerMissing } from '../model/container-not-found.ts';
import { type LogTail, parseSince } from '../model/log-line.ts';
import type { Resumable } from '../model/resumable-stream.ts';
import type { VmReach } from '../vm/require-running.ts';
import { createLogCursor, type LogCursor, parsePosition } from './cursor.ts';
import { createContainerSearch, findAgain } from './wait-for-recreated-container.ts';
import {
  createWholeSecondCursor,
  parseWholeSecondPosition,
  restoreWholeSeconds,
  startAtTail,
} from './whole-second-cursor.ts';

export interface FollowOptions extends CallOptions {
  /** Default: the last 100, or all with `since` or `after`. */
  readonly tail?: LogTail | undefined;
  /** As `parseSince` reads it. */
  readonly since?: string | undefined;
  /** Default: true. False ends at the end of the log. */
  readonly follow?: boolean | undefined;
  /** The `position` of the last line that the reader has, instead of `tail` and `since`; throws `BAD_REQUEST` for what is none. */
  readonly after?: string | undefined;
}

export interface FollowedLine extends StampedLine {
  /** Everything up to this line; opaque, fit for `Last-Event-ID`. */
  readonly position: string;
}

export interface LogFollowerOptions {
  readonly engine: Pick<Engine, 'followLog'>;
  readonly reach: VmReach['reach'];
  readonly clock: Clock;
  /** Throws `NOT_FOUND`. */
  readonly find: (name: string, options: CallOptions) => Promise<EngineContainer>;
}

/**
 * Resolves once Docker answers; before that it throws `NOT_FOUND`, `BAD_REQUEST`, `CONFLICT` (a log that cannot be read) and `SERVICE_UNAVAILABLE`.
 * The iteration can be read once, and left at any time; who never begins to read it has to abort. It ends when a container that was asked for by its id is gone.
 */
export type FollowLogs = (
  name: string,
  options?: FollowOptions,
) => Promise<Resumable<readonly FollowedLine[]>>;

type Answer = AsyncIterable<readonly StampedLine[]>;

/** Builds the follower; nothing is kept but one batch of lines, and nothing fetched before it is read. */
export function createLogFollower(services: LogFollowerOptions): FollowLogs {
  const { engine, reach, clock, find } = services;

  return async (name, options = {}) => {
    const { follow = true } = options;
    const wantsNew = options.tail === 0 && options.after === undefined;
    const earlier = parseWholeSecondPosition(options.after ?? '');
    let cursor = earlier ? createWholeSecondCursor() : createCursor(options, clock);
    const leaving = new AbortController();
    const { signal } = leaving;
    const untie = tie(options.signal, leaving);
    /** The request under way, or the answer that is being read. */
    let attempt = new AbortController();
    signal.addEventListener('abort', () => {
      attempt.abort(signal.reason);
      untie();
    });

    try {
      signal.throwIfAborted();
      const container = await (options.after === undefined
        ? find(name, { signal })
        : findAgain(name, { find, signal }));
      const answer = await begin(container.id);
      const lines = toAbortableIterator(read(container, answer), leaving);
      return wantsNew ? Object.assign(lines, { position: cursor.position() }) : lines;
    } catch (error) {
      untie();
      throw isAppError(error, 'NOT_FOUND') ? containerMissing(name, error) : error;
    }

    async function begin(id: string): Promise<Answer> {
      if (earlier !== undefined) cursor = await restoreWholeSeconds(earlier, readerOf(id));
      if (!wantsNew) return ask(id, cursor.ask());
      // Nothing of the log is wanted, but where it ends: what comes after a cut has to be told from what was there.
      const end = await ask(id, { tail: 1, follow: false });
      let isWhole = false;
      for await (const lines of end) {
        isWhole ||= isFirstWholeSecond(lines, cursor);
        cursor.take(lines);
      }
      if (isWhole) cursor = await startAtTail({ tail: 0 }, readerOf(id));
      cursor.reachEnd();
      return ask(id, cursor.askNew());
    }

    function readerOf(id: string) {
      return (wanted: Omit<FollowLogOptions, 'follow'>) => ask(id, { ...wanted, follow: false });
    }

    /** The first lines tell how the engine stamps. True where the log has to be asked for again. */
    async function useWholeSeconds(id: string): Promise<boolean> {
      const { tail, since } = cursor.ask();
      const isWhole = tail === 'all';
      cursor = isWhole
        ? createWholeSecondCursor({ since })
        : await startAtTail({ tail, since }, readerOf(id));
      return !isWhole;
    }

    /** The answer lives for as long as it is read, which is beyond what `reach` watches over. */
    function ask(id: string, wanted: Omit<FollowLogOptions, 'follow'> & { follow?: boolean }) {
      return reach<Answer>(async (reaching) => {
        attempt = new AbortController();
        const untieReaching = tie(reaching, attempt);
        const request = { follow, ...wanted, signal: attempt.signal };
        return engine.followLog(id, request).finally(untieReaching);
      }, signal);
    }

    async function* read(
      container: EngineContainer,
      first: Answer,
    ): AsyncGenerator<readonly FollowedLine[], void, void> {
      const retryWindow = createRetryWindow({ clock });
      const search = createContainerSearch({ name, container, find, clock, signal });
      let { id } = container;
      let answer: Answer | undefined = first;
      let isFollowed = follow;
      try {
        for (;;) {
          try {
            if (answer === undefined) {
              const next = await search.next();
              if (next === undefined) return;
              if (next !== id) cursor.changeContainer();
              id = next;
              answer = await ask(id, cursor.ask()).catch(unlessGone);
              if (answer === undefined) continue;
              isFollowed = follow;
            }
            retryWindow.attemptSucceeded();
            let startsAnew = false;
            for await (const lines of answer) {
              if (isFirstWholeSecond(lines, cursor)) {
                startsAnew = await useWholeSeconds(id);
                if (startsAnew) break;
              }
              const fresh = cursor.take(lines);
              if (fresh.length === 0) continue;
              retryWindow.reset();
              search.brought();
              yield fresh;
            }
            if (startsAnew) search.lost();
            else if (!follow) return;
            else if (isFollowed && cursor.mayLackLines) {
              answer = await readerOf(id)(cursor.ask()).catch(unlessGone);
              isFollowed = false;
              continue;
            }
            cursor.reachEnd();
            retryWindow.reset();
          } catch (error) {
            signal.throwIfAborted();
            await retryWindow.waitOrThrow(error, signal);
            search.lost();
          }
          answer = undefined;
        }
      } finally {
        untie();
      }
    }
  };
}

function createCursor({ tail, since, after }: FollowOptions, clock: Clock): LogCursor {
  if (after !== undefined) {
    const state = parsePosition(after);
    if (state === undefined)
      throw badRequest('lastEventId', 'must be the id of a line of this log');
    return createLogCursor({ tail: 'all', state });
  }
  if (since === undefined) return createLogCursor({ tail: tail ?? defaultTail });
  const from = parseSince(since, clock.now());
  if (Number.isNaN(from.seconds)) throw badRequest('since', 'must be a time or how long ago');
  return createLogCursor({ tail: tail ?? 'all', since: from });
}

const defaultTail = 100;

/** Podman stamps whole seconds; with Docker's nanoseconds it is one line in a billion, for which the other cursor is as good. */
function isFirstWholeSecond(lines: readonly StampedLine[], cursor: LogCursor): boolean {
  return cursor.isAtStart && lines[0]?.at.nanos === 0;
}

/** The container can have gone, or begun to, since the last poll: the next one tells. */
function unlessGone(error: unknown): undefined {
  if (isAppError(error, 'NOT_FOUND')) return undefined;
  if (isAppError(error, 'CONFLICT') && error.details.reason === 'BEING_REMOVED') return undefined;
  throw error;
}

/** Lets `to` abort with `from`, until the returned function is called. */
function tie(from: AbortSignal | undefined, to: AbortController): () => void {
  const onAbort = () => to.abort(from?.reason);
  if (from?.aborted) onAbort();
  from?.addEventListener('abort', onAbort, { once: true });
  return () => from?.removeEventListener('abort', onAbort);
}
