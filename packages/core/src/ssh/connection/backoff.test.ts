// Attempts while the VM is unavailable: soon at first, few in the long run, none too early after a refused login.

import { describe, expect, it } from 'vitest';
import { createBackoff } from './backoff.ts';

function createWorld(random: () => number) {
  let nowMs = 1_000;
  const backoff = createBackoff({ nowMs: () => nowMs, random });
  return { backoff, advance: (ms: number) => (nowMs += ms), now: () => nowMs };
}

describe('createBackoff()', () => {
  it('lets the first attempt begin at once', () => {
    expect(createWorld(() => 0).backoff.remainingMs()).toBe(0);
  });

  it('grows from half a second to eight', () => {
    const { backoff, advance, now } = createWorld(() => 0);
    const waits = Array.from({ length: 7 }, () => {
      backoff.failed({ startedAtMs: now(), loginRefused: false });
      const waitMs = backoff.remainingMs();
      advance(waitMs);
      return waitMs;
    });
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
  });

  it('lets one who is in a hurry begin at once, but for a refused login', () => {
    const { backoff, now } = createWorld(() => 0);
    for (let failures = 0; failures < 4; failures += 1)
      backoff.failed({ startedAtMs: now(), loginRefused: false });
    backoff.hurry();
    expect(backoff.remainingMs()).toBe(0);
    backoff.failed({ startedAtMs: now(), loginRefused: false });
    expect(backoff.remainingMs()).toBe(500);
    backoff.failed({ startedAtMs: now(), loginRefused: true });
    backoff.hurry();
    expect(backoff.remainingMs()).toBe(30_000);
  });

  it.each([0, 0.5, 0.999])(
    'allows at most 45 attempts in five minutes of unavailability (jitter %d)',
    (jitter) => {
      const { backoff, advance, now } = createWorld(() => jitter);
      const startMs = now();
      let attempts = 0;
      while (now() - startMs < 300_000) {
        attempts += 1;
        backoff.failed({ startedAtMs: now(), loginRefused: false });
        advance(backoff.remainingMs());
      }
      expect(attempts).toBeLessThanOrEqual(45);
      expect(attempts).toBeGreaterThan(35);
    },
  );

  it('counts from the beginning of an attempt, but never spins after a long one', () => {
    const { backoff, advance, now } = createWorld(() => 0);
    const startedAtMs = now();
    advance(10_000);
    backoff.failed({ startedAtMs, loginRefused: false });
    expect(backoff.remainingMs()).toBe(250);
  });

  it.each([0, 0.999])('waits 30 to 34 seconds after a refused login (jitter %d)', (jitter) => {
    const { backoff, now } = createWorld(() => jitter);
    backoff.failed({ startedAtMs: now(), loginRefused: true });
    expect(backoff.remainingMs()).toBeGreaterThanOrEqual(30_000);
    expect(backoff.remainingMs()).toBeLessThanOrEqual(34_000);
  });

  it('lets a reconnect begin at once after a connection that lived', () => {
    const { backoff, now } = createWorld(() => 0);
    backoff.failed({ startedAtMs: now(), loginRefused: false });
    backoff.lost({ livedMs: 60_000 });
    expect(backoff.remainingMs()).toBe(0);
    backoff.failed({ startedAtMs: now(), loginRefused: false });
    expect(backoff.remainingMs()).toBe(500);
  });

  it('treats a connection that is lost at once, again and again, as unavailable', () => {
    const { backoff, advance } = createWorld(() => 0);
    const waits = Array.from({ length: 5 }, () => {
      backoff.lost({ livedMs: 5 });
      const waitMs = backoff.remainingMs();
      advance(waitMs);
      return waitMs;
    });
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000]);
  });

  it('forgets everything on reset', () => {
    const { backoff, now } = createWorld(() => 0);
    backoff.failed({ startedAtMs: now(), loginRefused: true });
    backoff.reset();
    expect(backoff.remainingMs()).toBe(0);
  });
});
