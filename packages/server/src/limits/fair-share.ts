// How much of the work for reads one subject has under way: what it asks beyond its share waits for its own, never for others'.

import { createLimiter, type Limiter } from '@ondemand/core';

export interface FairShareOptions {
  /** Reads of one subject that are worked on at once. */
  readonly perSubject: number;
}

export interface FairShare {
  /** Resolves once there is room; what it gives makes room for the next, once. Rejects with the signal's reason. */
  enter(sub: string, signal: AbortSignal): Promise<() => void>;
}

/** State is this process's own, and gone with a subject's last read. */
export function createFairShare({ perSubject }: FairShareOptions): FairShare {
  const subjects = new Map<string, { readonly limiter: Limiter; users: number }>();

  return {
    async enter(sub, signal) {
      const subject = subjects.get(sub) ?? { limiter: createLimiter(() => perSubject), users: 0 };
      subjects.set(sub, subject);
      subject.users += 1;
      const leave = () => {
        subject.users -= 1;
        if (subject.users === 0) subjects.delete(sub);
      };
      try {
        const release = await subject.limiter.acquire(signal);
        return () => {
          release();
          leave();
        };
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

/** Of Docker's 64 places for requests, so that four subjects together leave some. */
export const readsPerSubject = 12;
