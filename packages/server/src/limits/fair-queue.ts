// How much of the work for reads is under way, for one subject and in all; who waits is served by turns, a subject after the other.

import { AppError, withDeadline } from '@ondemand/core';

export interface FairShareOptions {
  /** Reads of one subject that are worked on at once. */
  readonly perSubject: number;
  /** Reads of all subjects that are worked on at once. */
  readonly inAll: number;
  /** How long one waits to be worked on. */
  readonly waitMs?: number;
}

export interface FairShare {
  /** Resolves once there is room; what it gives makes room for the next, once. Rejects with the signal's reason, and with `SERVICE_UNAVAILABLE` after `waitMs`. */
  enter(sub: string, signal: AbortSignal): Promise<() => void>;
}

/** What an operation takes the most of: short answers from Docker, many bytes over the SSH connection, or commands on the VM. */
export type Work = 'reads' | 'bytes' | 'commands';
export type Shares = Readonly<Record<Work, FairShare>>;

/** Of Docker's 64 places for requests some are left to actions. Three subjects that take all they may leave places to a fourth. */
export function createShares(): Shares {
  return {
    reads: createFairShare({ perSubject: 12, inAll: 48 }),
    bytes: createFairShare({ perSubject: 2, inAll: 7 }),
    commands: createFairShare({ perSubject: 4, inAll: 14 }),
  };
}

interface Subject {
  active: number;
  readonly waiting: Set<() => void>;
}

/** State is this process's own, and gone with a subject's last read. */
export function createFairShare({
  perSubject,
  inAll,
  waitMs = 30_000,
}: FairShareOptions): FairShare {
  const subjects = new Map<string, Subject>();
  let active = 0;

  return {
    async enter(sub, signal) {
      const subject = subjects.get(sub) ?? { active: 0, waiting: new Set() };
      subjects.set(sub, subject);
      let leave = () => forget(sub, subject);
      let admit = () => {};
      const admitted = new Promise<void>((resolve) => {
        admit = () => {
          leave = take(sub, subject);
          resolve();
        };
      });
      subject.waiting.add(admit);
      admitWaiting();
      try {
        await withDeadline(() => admitted, { timeoutMs: waitMs, signal, onTimeout: tooMany });
        return leave;
      } catch (error) {
        subject.waiting.delete(admit);
        leave();
        throw error;
      }
    },
  };

  function take(sub: string, subject: Subject): () => void {
    subjects.delete(sub);
    subjects.set(sub, subject); // behind the others
    subject.active += 1;
    active += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      subject.active -= 1;
      active -= 1;
      forget(sub, subject);
      admitWaiting();
    };
  }

  function admitWaiting(): void {
    while (active < inAll) {
      const next = nextSubject();
      const [admit] = next?.waiting ?? [];
      if (next === undefined || admit === undefined) return;
      next.waiting.delete(admit);
      admit();
    }
  }

  /** Of those that may go on the one with the least under way, and of equal ones the one that waits the longest for its turn. */
  function nextSubject(): Subject | undefined {
    let next: Subject | undefined;
    for (const subject of subjects.values())
      if (subject.waiting.size > 0 && subject.active < (next?.active ?? perSubject)) next = subject;
    return next;
  }

  function forget(sub: string, { active, waiting }: Subject): void {
    if (active === 0 && waiting.size === 0) subjects.delete(sub);
  }
}

function tooMany(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `Too many reads wait already; try again in ${retryAfterSeconds} s`,
    {
      text: 'Too many requests under way',
      details: { reason: 'TOO_MANY_REQUESTS', retryAfterSeconds },
    },
  );
}

const retryAfterSeconds = 5;
