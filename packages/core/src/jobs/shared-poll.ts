// Long polling shared by all job watchers: at most one call waits on the VM, plus one that answers at once.

import type { CallOptions, JobReading, JobSpan } from '../adapter-ports.ts';
import { pause } from '../concurrency/deadline.ts';

export interface JobWatchOptions {
  /** As `JobHost.read`, with the VM in reach or the reason why it is not. */
  readonly read: (
    spans: readonly JobSpan[],
    options: { readonly waitMs: number },
  ) => Promise<readonly JobReading[]>;
  /** How long a call may wait on the VM; a watcher of another span waits at most that long for the next call. */
  readonly waitMs?: number;
}

export interface JobWatch {
  /**
   * Resolves once the job has something past the offset, has ended, or is not there. Rejects with what the read under way failed with; nothing is tried again here.
   * An abort rejects this watcher alone.
   */
  next(span: JobSpan, options?: CallOptions): Promise<JobReading>;
}

/** More would not fit into one command line. */
const maxSpans = 100;
/** Watchers that got output ask for more at about the same time. */
const gatherMs = 5;

interface Reader {
  readonly resolve: (reading: JobReading) => void;
  readonly reject: (error: unknown) => void;
}

interface Waiting {
  readonly span: JobSpan;
  readonly readers: Set<Reader>;
}

/** Builds the watch; makes no calls without watchers. */
export function createJobWatch({ read, waitMs = 1500 }: JobWatchOptions): JobWatch {
  /** Spans of the next waiting call; and spans added while one is under way, which are read at once. */
  const waiting = new Map<string, Waiting>();
  const fresh = new Map<string, Waiting>();
  let isWaiting = false;
  let isPolling = false;
  let isGlancing = false;

  return {
    next(span, { signal } = {}) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      return new Promise((resolve, reject) => {
        const key = toKey(span);
        const entry = waiting.get(key) ?? fresh.get(key) ?? { span, readers: new Set() };
        const reader: Reader = {
          resolve: (reading) => {
            leave();
            resolve(reading);
          },
          reject: (error) => {
            leave();
            reject(error);
          },
        };
        const leave = () => {
          signal?.removeEventListener('abort', onAbort);
          for (const entries of [waiting, fresh]) {
            const readers = entries.get(key)?.readers;
            readers?.delete(reader);
            if (readers?.size === 0) entries.delete(key);
          }
        };
        const onAbort = () => reader.reject(signal?.reason);
        signal?.addEventListener('abort', onAbort, { once: true });
        entry.readers.add(reader);
        if (isWaiting && !waiting.has(key)) fresh.set(key, entry);
        else waiting.set(key, entry);
        void poll();
        void glance();
      });
    },
  };

  async function poll(): Promise<void> {
    if (isPolling) return;
    isPolling = true;
    while (waiting.size > 0) {
      await pause(gatherMs);
      const batch = [...waiting.values()].slice(0, maxSpans);
      if (batch.length === 0) break;
      isWaiting = true;
      await answer(batch, waitMs);
      isWaiting = false;
      // Those that are left go to the end of the queue.
      for (const entry of batch) if (waiting.delete(toKey(entry.span))) keep(entry);
    }
    isPolling = false;
  }

  async function glance(): Promise<void> {
    if (isGlancing) return;
    isGlancing = true;
    while (fresh.size > 0) {
      await pause(gatherMs);
      const batch = [...fresh.values()].slice(0, maxSpans);
      await answer(batch, 0);
      for (const entry of batch) if (fresh.delete(toKey(entry.span))) keep(entry);
    }
    isGlancing = false;
    void poll();
  }

  /** Never rejects. */
  async function answer(batch: readonly Waiting[], batchWaitMs: number): Promise<void> {
    const spans = batch.map(({ span }) => span);
    try {
      const readings = await read(spans, { waitMs: batchWaitMs });
      const byKey = new Map(readings.map((reading) => [toKey(reading), reading]));
      const pieces = readings.filter(({ bytes }) => bytes.length > 0);
      for (const { span, readers } of batch) {
        const own = byKey.get(toKey(span));
        const reading = own !== undefined && hasNews(own) ? own : cutFrom(pieces, span);
        if (reading === undefined) continue;
        for (const reader of [...readers]) reader.resolve(reading);
      }
    } catch (error) {
      for (const { readers } of batch) {
        for (const reader of [...readers]) reader.reject(error);
      }
    }
  }

  function keep(entry: Waiting): void {
    if (entry.readers.size === 0) return;
    const key = toKey(entry.span);
    const other = waiting.get(key);
    if (other === undefined) waiting.set(key, entry);
    else if (other !== entry) for (const reader of entry.readers) other.readers.add(reader);
  }
}

function toKey({ id, offset }: JobSpan): string {
  return `${id} ${offset}`;
}

/** What another span of the same job has brought along. */
function cutFrom(pieces: readonly JobReading[], { id, offset }: JobSpan): JobReading | undefined {
  const piece = pieces.find(
    (each) => each.id === id && offset >= each.offset && offset < each.offset + each.bytes.length,
  );
  return piece && { ...piece, offset, bytes: piece.bytes.subarray(offset - piece.offset) };
}

function hasNews({ state, bytes, done }: JobReading): boolean {
  return state === undefined || done || bytes.length > 0;
}
