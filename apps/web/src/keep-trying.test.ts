import { OnDemandError, type OnDemandErrorOptions } from '@ondemand/client';
import { expect, test } from 'vitest';
import { keepTrying, type Retry } from './keep-trying.ts';

type Outcome = string | undefined | OnDemandError;

function fail(code: OnDemandError['code'], options: OnDemandErrorOptions = {}): OnDemandError {
  return new OnDemandError(code, `It failed with ${code}`, { requestId: 'r', ...options });
}

const noHost = fail('SERVICE_UNAVAILABLE', {
  details: { reason: 'OUT_OF_CAPACITY', retryAfterSeconds: 300 },
});

/** Attempts that end as told, half a minute each, by a clock that only they and the pauses move on. */
async function run(outcomes: readonly Outcome[], { hasAborted = false } = {}) {
  let nowMs = 0;
  let attempts = 0;
  const retries: (Retry | undefined)[] = [];
  const leaving = new AbortController();
  const ending = keepTrying(
    async () => {
      nowMs += 30_000;
      const outcome = outcomes[Math.min(attempts, outcomes.length - 1)];
      attempts += 1;
      if (hasAborted) leaving.abort();
      if (outcome instanceof OnDemandError) throw outcome;
      return outcome;
    },
    {
      signal: leaving.signal,
      onRetry: (retry) => void retries.push(retry),
      now: () => nowMs,
      sleep: async (ms) => {
        nowMs += ms;
      },
    },
  );
  const failure = await ending.then(
    () => undefined,
    (error: Error) => error.message,
  );
  return { failure, attempts, retries, nowMs };
}

test.each([
  ['a lack of hosts', noHost],
  ['a lost connection', fail('NETWORK_ERROR', { requestId: undefined })],
  ['a time-out', fail('TIMEOUT')],
  ['too many requests', fail('TOO_MANY_REQUESTS', { details: { retryAfterSeconds: 5 } })],
  ['a proxy before an API that restarts', fail('SERVICE_UNAVAILABLE', { requestId: undefined })],
  ['an API that shuts down', fail('SERVICE_UNAVAILABLE', { details: { reason: 'SHUTTING_DOWN' } })],
])('%s is gone on after, and it is told when it is tried next', async (_what, error) => {
  const { failure, attempts, retries } = await run([error, 'waking', error, undefined]);
  expect({ failure, attempts }).toEqual({ failure: undefined, attempts: 4 });
  const retry = { why: error.message, atMs: expect.any(Number) };
  expect(retries).toEqual([retry, undefined, retry, undefined]);
});

test('the pause is what the API asks for, within what a person watches', async () => {
  const after = async (error: OnDemandError) => (await run([error, undefined])).retries[0]?.atMs;
  expect(await after(fail('TOO_MANY_REQUESTS', { details: { retryAfterSeconds: 7 } }))).toBe(
    37_000,
  );
  expect(await after(fail('NETWORK_ERROR'))).toBe(33_000);
  expect(await after(noHost)).toBe(60_000);
});

test.each([
  fail('FORBIDDEN'),
  fail('CONFLICT'),
  fail('UNAUTHORIZED'),
  fail('SERVICE_UNAVAILABLE', { details: { phase: 'off-inside' } }),
])('%s ends it at once', async (error) => {
  expect(await run([error])).toMatchObject({ failure: error.message, attempts: 1, retries: [] });
});

test.each(['waking', noHost])('ten minutes of %s are the end', async (outcome) => {
  const { failure, nowMs, retries } = await run([outcome]);
  expect(failure).toMatch(/^oci-flex is not ready after ten minutes: .*; reload to go on waiting$/);
  expect(nowMs).toBe(600_000 + (outcome === noHost ? 30_000 : 0));
  expect(retries.at(-1)).toBeUndefined();
});

test('nothing is tried again once the page has left', async () => {
  expect(await run([fail('NETWORK_ERROR')], { hasAborted: true })).toMatchObject({
    attempts: 1,
    retries: [],
  });
});
