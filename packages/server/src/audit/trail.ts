// The audit trail: each line goes to the log and, if configured, to a file, before the answer is sent.

import { AppError } from '@ondemand/core';
import { type AuditEntry, auditEntrySchema } from './entry.ts';
import type { AuditFile } from './file.ts';

export interface AuditTrail {
  /**
   * Resolves once the line has been written. Never rejects: what was done stays done.
   * A line that the file does not take stays in memory, is reported in the log, and is written first once the file works again.
   * Of what was refused before an intent was written, a subject has so many lines a minute; an intent is always followed by its outcome.
   */
  record(entry: AuditEntry, options?: { readonly isIntended?: boolean }): Promise<void>;
  /**
   * Resolves once it is written that something begins; to be awaited before anything is sent.
   * Throws `SERVICE_UNAVAILABLE` while the file cannot be written, unless `isPowerOff` or `onFailure` lets it go on with the log alone.
   */
  intend(entry: AuditEntry, options: { readonly isPowerOff: boolean }): Promise<void>;
  /** Whether the file takes lines, as far as that can be told without writing; those that wait are written then. Never rejects. */
  isWritable(): Promise<boolean>;
  /** Passes a call on, and remembers that it is under way. */
  follow<T>(call: Promise<T>): Promise<T>;
  /** Resolves once every call that is followed has ended, with its line written. */
  settled(): Promise<void>;
  /** The newest lines, newest first; of this process alone, and at most `maxKept`, when there is no file. */
  list(limit: number): Promise<AuditEntry[]>;
}

export interface AuditTrailOptions {
  readonly log: (entry: AuditEntry) => void;
  /** Called for each failed write and for lines that only the log has. */
  readonly logFailure: (error: unknown, waitingLines: number) => void;
  readonly file?: AuditFile | undefined;
  /** While the file cannot be written: change nothing (the default), or go on with the log alone. */
  readonly onFailure?: AuditOnFailure;
  /** Of one subject, without an intent; the others are counted. */
  readonly maxRefusalsPerMinute?: number;
}

export const auditOnFailure = ['refuse', 'log'] as const;
export type AuditOnFailure = (typeof auditOnFailure)[number];

/** Lines kept in memory: all there are without a file, or what a file that cannot be written has still to take. */
export const maxKept = 1000;

export function createAuditTrail({
  log,
  logFailure,
  file,
  onFailure = 'refuse',
  maxRefusalsPerMinute = 30,
}: AuditTrailOptions): AuditTrail {
  /** Each line is made once: a file that fails is tried again with all of them. */
  const kept: { readonly entry: AuditEntry; readonly line: string }[] = [];
  const refusals = createRefusalCounts({ max: maxRefusalsPerMinute, record: write });
  const underWay = new Set<Promise<unknown>>();
  let isFailing = false;
  let lastWrite = Promise.resolve();

  return {
    async record(entry, { isIntended = false } = {}) {
      if (isIntended || entry.outcome !== 'refused' || refusals.admit(entry)) await write(entry);
    },
    async intend(entry, { isPowerOff }) {
      await write(entry);
      if (!isFailing || isPowerOff || onFailure === 'log') return;
      throw unavailable('be written, so nothing is changed until it can');
    },
    async isWritable() {
      if (file === undefined) return true;
      const isOpenable = await file.check().then(
        () => true,
        () => false,
      );
      if (isOpenable && isFailing) await writeAll(file, () => {}); // that it fails is in the log
      return isOpenable && !isFailing;
    },
    async follow(call) {
      underWay.add(call);
      try {
        return await call;
      } finally {
        underWay.delete(call);
      }
    },
    async settled() {
      await Promise.allSettled(underWay);
      await refusals.flush();
    },
    async list(limit) {
      const newest = kept
        .toReversed()
        .slice(0, limit)
        .map(({ entry }) => entry);
      if (file === undefined) return newest;
      try {
        for await (const line of file.readBackwards()) {
          if (newest.length >= limit) break;
          newest.push(...parseLine(line));
        }
        return newest;
      } catch (cause) {
        throw unavailable('be read', cause);
      }
    },
  };

  async function write(entry: AuditEntry): Promise<void> {
    log(entry);
    const own = { entry, line: `${JSON.stringify(entry)}\n` };
    if (file === undefined) {
      if (kept.push(own) > maxKept) kept.shift();
    } else {
      if (kept.length < maxKept) kept.push(own); // the first to fail may have changed something; those after it are refusals
      await writeAll(file);
    }
  }

  /** One at a time, so that lines keep their order; one write takes all that wait. */
  function writeAll(to: AuditFile, onFailed = logFailure): Promise<void> {
    lastWrite = lastWrite.then(async () => {
      const batch = kept.splice(0);
      try {
        if (batch.length === 0) await to.check();
        else await to.append(batch.map(({ line }) => line).join(''));
        isFailing = false;
      } catch (error) {
        kept.unshift(...batch);
        isFailing = true;
        onFailed(error, kept.length);
      }
    });
    return lastWrite;
  }
}

interface RefusalCountsOptions {
  readonly max: number;
  readonly record: (entry: AuditEntry) => Promise<void>;
}

/** Refusals are a caller's to make, as many as the rate limit allows: no disk is filled by them. */
function createRefusalCounts({ max, record }: RefusalCountsOptions) {
  const minutes = new Map<string, { admitted: number; others: number; last: AuditEntry }>();

  return {
    /** Whether this one has a line of its own. */
    admit(entry: AuditEntry): boolean {
      const minute = minutes.get(entry.sub) ?? begin(entry);
      minute.last = entry;
      if (minute.admitted < max) minute.admitted += 1;
      else minute.others += 1;
      return minute.others === 0;
    },
    async flush() {
      await Promise.all([...minutes.keys()].map(end));
    },
  };

  function begin(entry: AuditEntry) {
    const minute = { admitted: 0, others: 0, last: entry };
    minutes.set(entry.sub, minute);
    setTimeout(() => end(entry.sub), minuteMs).unref();
    return minute;
  }

  async function end(sub: string): Promise<void> {
    const minute = minutes.get(sub);
    minutes.delete(sub);
    if (minute === undefined || minute.others === 0) return;
    await record({ ...minute.last, time: new Date().toISOString(), count: minute.others });
  }
}

const minuteMs = 60_000;

/** Nothing for a line that is none of ours. */
function parseLine(line: string): AuditEntry[] {
  try {
    return [auditEntrySchema.parse(JSON.parse(line))];
  } catch {
    return [];
  }
}

function unavailable(what: string, cause?: unknown): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `The audit log cannot ${what}; the API's operator finds why in its log`,
    { text: 'Audit log not available', details: { reason: 'AUDIT_LOG_UNAVAILABLE' }, cause },
  );
}
