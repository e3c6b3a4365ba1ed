// The end of a token, on clocks that the test moves, and who waits for the next one.

import { expect, test } from 'vitest';
import { type Asked, startOci } from '../testing/instance-principal.test-support.ts';

const minuteMs = 60_000;

/** A machine with a token of an hour, both clocks in the test's hands, and a token service that does as it is told. */
async function startMachine() {
  const state: { tokenService: 'healthy' | 'failing' | 'silent' } = { tokenService: 'healthy' };
  const held: (Asked & { readonly answer: () => void })[] = [];
  const clock = { nowMs: Date.now(), elapsedMs: 0 };
  const oci = await startOci(
    (asked, response) => {
      if (asked.url !== '/v1/x509' || state.tokenService === 'healthy') return false;
      const token = JSON.stringify({ token: 'late.token' });
      if (state.tokenService === 'failing') response.writeHead(500).end();
      else held.push({ ...asked, answer: () => response.end(token) });
      return true;
    },
    { now: () => clock.nowMs },
  );
  let renewals = 0;
  let lastAnswer: Promise<unknown> = Promise.resolve();
  const principal = await oci.create({
    now: () => clock.nowMs,
    elapsedMs: () => clock.elapsedMs,
    timeoutMs: 10_000,
    exchange(question) {
      // The first of a renewal's questions is asked before identify() returns, so that this counts exactly.
      if (question.url.endsWith('/cert.pem')) renewals += 1;
      const answer = oci.exchange(question);
      lastAnswer = answer.catch(() => {});
      return answer;
    },
  });
  return {
    ...oci,
    ...principal,
    state,
    held,
    clock,
    first: await principal.identify(),
    renewals: () => renewals,
    /** Resolves when the renewal under way has had its token service's answer and has dealt with it. */
    async renewalEnded() {
      await expect.poll(() => oci.tokenQuestions().length).toBe(renewals);
      await lastAnswer;
      await new Promise((resolve) => setImmediate(resolve));
    },
    pass(durationMs: number) {
      clock.nowMs += durationMs;
      clock.elapsedMs += durationMs;
    },
  };
}

test('in the last five minutes of a token a new one is fetched, and nobody waits for it', async () => {
  await using machine = await startMachine();
  const { identify, first, state, held } = machine;
  machine.pass(54 * minuteMs);
  expect(await identify()).toBe(first);
  expect(machine.renewals()).toBe(1);

  machine.pass(2 * minuteMs);
  state.tokenService = 'silent';
  expect(await Promise.all([identify(), identify()])).toEqual([first, first]);
  await expect.poll(() => held.length).toBe(1);
  expect(await identify()).toBe(first);
  held[0]?.answer();
  await machine.renewalEnded();
  expect((await identify()).keyId).toBe('ST$late.token');
  expect(machine.renewals()).toBe(2);
});

test('a token service that fails leaves the token that still holds, and is asked every ten seconds, not for every call', async () => {
  await using machine = await startMachine();
  const { identify, first, state, clock } = machine;
  machine.pass(58 * minuteMs);
  state.tokenService = 'failing';
  expect(await identify()).toBe(first);
  await machine.renewalEnded();
  machine.pass(9_999);
  expect([await identify(), await identify()]).toEqual([first, first]);
  expect(machine.renewals()).toBe(2);

  machine.pass(1);
  // A clock that is set meanwhile says nothing about how long ago that was.
  clock.nowMs -= 2 * minuteMs;
  expect(await identify()).toBe(first);
  expect(machine.renewals()).toBe(3);
  await machine.renewalEnded();
  clock.nowMs += 2 * minuteMs;
  expect(await identify()).toBe(first);
  expect(machine.renewals()).toBe(3);
});

test('once its token has ended, a failing token service fails the call, and the next call asks it again', async () => {
  await using machine = await startMachine();
  const { identify, first, state } = machine;
  state.tokenService = 'failing';
  machine.pass(60 * minuteMs);
  await expect(identify()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  state.tokenService = 'healthy';
  expect(await identify()).not.toBe(first);
});

test('a token that OCI has refused is replaced before its end, at most every ten seconds', async () => {
  await using machine = await startMachine();
  const { identify, renew, first } = machine;
  await renew();
  const second = await identify();
  expect(second).not.toBe(first);
  await renew();
  expect(await identify()).toBe(second);
  machine.pass(10_000);
  await renew();
  expect(await identify()).not.toBe(second);
  expect(machine.renewals()).toBe(3);
});

test('who waits for a token may give up alone, and the last to give up closes its connection', async () => {
  await using machine = await startMachine();
  const { identify, state, held } = machine;
  state.tokenService = 'silent';
  machine.pass(60 * minuteMs);
  const [one, other] = [new AbortController(), new AbortController()];
  const reason = new Error('the reader left');
  const leaving = identify(one.signal);
  const staying = identify(other.signal);
  await expect.poll(() => held.length).toBe(1);
  one.abort(reason);
  await expect(leaving).rejects.toBe(reason);
  held[0]?.answer();
  expect((await staying).keyId).toBe('ST$late.token');

  machine.pass(10 * minuteMs);
  const last = new AbortController();
  const alone = identify(last.signal);
  await expect.poll(() => held.length).toBe(2);
  last.abort(reason);
  await expect(alone).rejects.toBe(reason);
  await held[1]?.closed;
});

test('who gives up while the region is asked for closes that connection too', async () => {
  const controller = new AbortController();
  const reason = new Error('the reader left');
  await using oci = await startOci(() => {
    controller.abort(reason);
    return true;
  });
  await expect(oci.create({ timeoutMs: 60_000 }, controller.signal)).rejects.toBe(reason);
  await oci.asked[0]?.closed;
});
