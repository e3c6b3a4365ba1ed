// Request coalescing: readers of the same thing share one upstream call, which begins after the last of them came.

import type { ReadOptions, ReadShare } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { withDeadline } from './deadline.ts';

export interface SingleFlightOptions {
  /** A call is stopped after this long; its readers get `SERVICE_UNAVAILABLE`. */
  readonly deadlineMs: number;
  /** What is read does not change: readers also join a call that has begun already. */
  readonly joinsRunning?: boolean;
  /** So long a call waits for the one before it; then both run. */
  readonly maxWaitMs?: number;
  /** So long a call waits for readers who are still arriving. */
  readonly maxCollectMs?: number;
  /** Calls back in a later turn of the event loop; at once where readers join a running call. */
  readonly later?: (begin: () => void) => void;
}

export interface SingleFlight {
  /**
   * Joins the call of `key` that has not begun, or prepares one: it begins once the call before it has ended.
   * So a reader is never given what was asked for before it came; with `reportsSend` it joins until `work` says that it was sent. A key stands for one kind of `work` with one set of arguments, and is fit for a message (`the logs of nginx`).
   * A call takes one place, in the share of whichever of its readers has one first.
   * A reader's abort rejects that reader alone, with its signal's reason; the last one to leave aborts the signal that `work` got.
   * Rejects with what `work` rejected with, `SERVICE_UNAVAILABLE` at the deadline, and with what its own share rejected with where no other let the call begin.
   */
  read<T>(
    key: string,
    work: (signal: AbortSignal, onSend: () => void) => Promise<T>,
    options?: ReadOptions & { readonly reportsSend?: boolean },
  ): Promise<T>;
}

/** The calls of one key. */
interface Entry {
  running?: Call | undefined;
  next?: Call | undefined;
}

interface Call {
  readonly readers: Set<Reader>;
  /** How many came, whether or not they have left. */
  joined: number;
  readonly stop: AbortController;
  /** By whose they are: the shares in which a place is waited for; undefined until the call may begin. */
  seeking: Map<string, AbortController> | undefined;
  hasBegun: boolean;
  /** Called once it has ended. */
  readonly whenEnded: Set<() => void>;
}

interface Reader {
  readonly share: ReadShare | undefined;
  resolve(answer: unknown): void;
  reject(reason: unknown): void;
}

/**
 * Builds a coalescer; one per service.
 *
 * @example
 * const reads = createSingleFlight({ deadlineMs: 15_000 });
 * const list = (signal?: AbortSignal) => reads.read('the containers', (shared) => engine.list({ signal: shared }), { signal });
 */
export function createSingleFlight({
  deadlineMs,
  joinsRunning = false,
  maxWaitMs = 2000,
  maxCollectMs = 10,
  later = joinsRunning ? (begin) => begin() : setImmediate,
}: SingleFlightOptions): SingleFlight {
  const entries = new Map<string, Entry>();

  return {
    read<T>(
      key: string,
      work: (signal: AbortSignal, onSend: () => void) => Promise<T>,
      { signal, share, reportsSend = false }: ReadOptions & { readonly reportsSend?: boolean } = {},
    ): Promise<T> {
      if (signal?.aborted) return Promise.reject(signal.reason);
      const entry = entries.get(key) ?? {};
      entries.set(key, entry);
      const call = (joinsRunning ? entry.running : undefined) ?? entry.next ?? prepare();
      // One key is always read by one kind of work, so the shared answer is this reader's type.
      return join(call, share, signal) as Promise<T>;

      function prepare(): Call {
        const call: Call = {
          readers: new Set(),
          joined: 0,
          stop: new AbortController(),
          seeking: undefined,
          hasBegun: false,
          whenEnded: new Set(),
        };
        entry.next = call;
        afterRunning(entry.running, () =>
          onceQuiet(call, performance.now() + maxCollectMs, () => {
            call.seeking = new Map();
            for (const { share } of call.readers) seekPlace(call, share);
          }),
        );
        return call;
      }

      function join(call: Call, share?: ReadShare, signal?: AbortSignal): Promise<unknown> {
        return new Promise((resolve, reject) => {
          const settle = () => {
            call.readers.delete(reader);
            signal?.removeEventListener('abort', leave);
          };
          const reader: Reader = {
            share,
            resolve(answer) {
              settle();
              resolve(answer);
            },
            reject(reason) {
              settle();
              reject(reason);
            },
          };
          const leave = () => {
            reader.reject(signal?.reason);
            if (call.readers.size === 0) drop(call, signal?.reason);
            else if (share !== undefined) forgetShare(call, share);
          };
          signal?.addEventListener('abort', leave, { once: true });
          call.readers.add(reader);
          call.joined += 1;
          seekPlace(call, share);
        });
      }

      /** The first place that is found, in whose share it may be, begins the call. */
      function seekPlace(call: Call, share: ReadShare | undefined): void {
        if (call.seeking === undefined || call.hasBegun) return;
        if (share === undefined) {
          begin(call, () => {});
          return;
        }
        if (call.seeking.has(share.owner)) return;
        const stop = new AbortController();
        call.seeking.set(share.owner, stop);
        share.enter(stop.signal).then(
          (leave) => {
            call.seeking?.delete(share.owner);
            if (call.hasBegun || stop.signal.aborted) leave();
            else begin(call, leave);
          },
          (error) => {
            if (call.hasBegun || stop.signal.aborted) return;
            for (const each of [...call.readers])
              if (each.share?.owner === share.owner) each.reject(error);
            call.seeking?.delete(share.owner);
            if (call.readers.size === 0) drop(call, error);
          },
        );
      }

      /** Of a reader who left, unless another one's is the same. */
      function forgetShare(call: Call, { owner }: ReadShare): void {
        if ([...call.readers].some(({ share }) => share?.owner === owner)) return;
        call.seeking?.get(owner)?.abort();
        call.seeking?.delete(owner);
      }

      function begin(call: Call, leave: () => void): void {
        call.hasBegun = true;
        for (const stop of call.seeking?.values() ?? []) stop.abort();
        const onSend = () => {
          if (entry.next !== call) return;
          entry.next = undefined;
          entry.running = call;
        };
        if (!reportsSend) onSend();
        const { readers } = call;
        const send = (signal: AbortSignal) => work(signal, onSend);
        withDeadline(send, { timeoutMs: deadlineMs, signal: call.stop.signal, onTimeout })
          .finally(leave)
          .then(
            (answer) => {
              end(call);
              for (const { resolve } of [...readers]) resolve(answer);
            },
            (error) => {
              end(call);
              for (const { reject } of [...readers]) reject(error);
            },
          );
      }

      function drop(call: Call, reason: unknown): void {
        for (const stop of call.seeking?.values() ?? []) stop.abort();
        call.stop.abort(reason);
        end(call);
      }

      function end(call: Call): void {
        if (entry.next === call) entry.next = undefined;
        if (entry.running === call) entry.running = undefined;
        const isIdle = entry.running === undefined && entry.next === undefined;
        if (isIdle && entries.get(key) === entry) entries.delete(key);
        for (const tell of call.whenEnded) tell();
      }

      function onTimeout(): AppError {
        return new AppError(
          'SERVICE_UNAVAILABLE',
          `Reading ${key} was given up after ${deadlineMs / 1000} s without an answer; try again`,
          { text: 'No answer in time', details: { reason: 'TIMEOUT' } },
        );
      }
    },
  };

  /** Once a turn has gone by in which nobody joined: readers who are still arriving share one call. */
  function onceQuiet(call: Call, untilMs: number, begin: () => void): void {
    const joined = Math.max(1, call.joined); // the reader for whom it is prepared comes in any case
    later(() => {
      if (call.joined <= joined || performance.now() >= untilMs) begin();
      else onceQuiet(call, untilMs, begin);
    });
  }

  function afterRunning(running: Call | undefined, begin: () => void): void {
    if (running === undefined) {
      begin();
      return;
    }
    const go = () => {
      clearTimeout(timer);
      running.whenEnded.delete(go);
      begin();
    };
    const timer = setTimeout(go, maxWaitMs);
    running.whenEnded.add(go);
  }
}
