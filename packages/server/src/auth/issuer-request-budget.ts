// Limits how often unauthenticated callers can make this API ask its issuer: one budget for all, and a share of it for each network.

import { AppError } from '@ondemand/core';
import { LRUCache } from 'lru-cache';

export interface Allowance {
  /** This many at once, */
  readonly burst: number;
  /** and this many a minute in the long run. */
  readonly perMinute: number;
}

export interface CheckBudgetOptions {
  readonly total: Allowance;
  readonly share: Allowance;
  /** In milliseconds, never going back. */
  readonly now: () => number;
}

export interface CheckBudget {
  /**
   * Reserves one question on behalf of a network. What is reserved by others may come back, so it is waited for.
   * Throws `SERVICE_UNAVAILABLE` with `details.reason` TOKEN_NOT_CHECKED once the budget or the network's share is used up.
   */
  reserve(network: string): Promise<Reservation>;
  /** Halves the budget, as the issuer asked for fewer questions; each quarter of an hour doubles it again. */
  shrink(): void;
}

/** To be settled once: a spent question is gone, another comes back. */
export interface Reservation {
  settle(outcome: 'spent' | 'unspent'): void;
}

export function createCheckBudget({ total, share, now }: CheckBudgetOptions): CheckBudget {
  const all = createBucket(total, now);
  const shares = new LRUCache<string, Bucket>({ maxSize: maxNetworks, sizeCalculation: () => 1 }); // with `max` it would take room for all of them at once

  return {
    async reserve(network) {
      const own = shares.get(network) ?? createBucket(share, now);
      shares.set(network, own);
      for (;;) {
        const empty = [own, all].find((bucket) => bucket.waitSeconds() > 0);
        if (empty === undefined) break;
        const settled = empty.nextSettled();
        if (settled === undefined) throw notChecked(empty === own, empty.waitSeconds());
        await settled;
      }
      own.hold();
      all.hold();
      return {
        settle(outcome) {
          for (const bucket of [own, all]) bucket.settle(outcome === 'spent' ? 1 : 0);
        },
      };
    },
    shrink: () => all.shrink(),
  };
}

/** An attacker with more networks than this is stopped by the budget for all. */
const maxNetworks = 10_000;
const maxHalvings = 6;
const recoverMs = 15 * 60_000;

type Bucket = ReturnType<typeof createBucket>;

/** A token bucket, full at the start, whose tokens are held before they are spent. */
function createBucket({ burst, perMinute }: Allowance, now: () => number) {
  let left = burst;
  let held = 0;
  let halvings = 0;
  let filledAtMs = now();
  let shrunkAtMs = now();
  let waiting: (() => void)[] = [];

  const capacity = () => Math.max(1, burst / 2 ** halvings);
  const perMs = () => perMinute / 60_000 / 2 ** halvings;

  function fill(): void {
    const nowMs = now();
    while (halvings > 0 && nowMs - shrunkAtMs >= recoverMs) {
      halvings -= 1;
      shrunkAtMs += recoverMs;
    }
    left = Math.min(capacity(), left + (nowMs - filledAtMs) * perMs());
    filledAtMs = nowMs;
  }

  return {
    /** 0 when there is one to be had. */
    waitSeconds(): number {
      fill();
      const missing = 1 - (left - held);
      return missing <= rounding ? 0 : Math.ceil(missing / perMs() / 1000);
    },
    hold(): void {
      held += 1;
    },
    settle(cost: 0 | 1): void {
      held -= 1;
      left -= cost;
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    },
    /** Undefined when nothing is held. */
    nextSettled(): Promise<void> | undefined {
      if (held === 0) return undefined;
      return new Promise((resolve) => waiting.push(resolve));
    },
    shrink(): void {
      fill();
      halvings = Math.min(halvings + 1, maxHalvings);
      shrunkAtMs = now();
      left = Math.min(left, 1);
    },
  };
}

/** A thousand small additions do not add up to exactly one. */
const rounding = 1e-9;

function notChecked(isOwn: boolean, retryAfterSeconds: number): AppError {
  const source = isOwn ? 'from this network' : 'in';
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `The token was not checked, as too many unknown tokens come ${source}; try again in ${retryAfterSeconds} s`,
    { text: 'Token not checked', details: { reason: 'TOKEN_NOT_CHECKED', retryAfterSeconds } },
  );
}
