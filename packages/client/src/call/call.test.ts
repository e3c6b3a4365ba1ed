// How a call is given up, by its deadline or by its caller, and when nothing of it is sent at all.

import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createClient } from '../client.ts';
import { type CannedApi, result, startCannedApi } from '../testing/canned-api.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { portOf } from '../testing/port.test-support.ts';
import { expectRejection, rejectionOf, unknownOutcome } from '../testing/rejection.test-support.ts';

describe('timeoutMs', () => {
  test('ends a query that gets no answer, and drops its request', async () => {
    const clock = fakeTimeouts();
    await using api = await startCannedApi(() => 'hang');
    const client = createClient({ url: api.url, timeoutMs: 50 });
    const rejected = expectRejection(client.vm.status.query(), {
      code: 'TIMEOUT',
      message: /^http:.* did not answer within 50 ms; try again, or raise timeoutMs$/,
    });
    await clock.until(() => api.requests.length === 1);
    await clock.pass(50);
    await rejected;
    await clock.until(() => api.dropped() === 1);
  });

  test('of the call wins over that of the client', async () => {
    const clock = fakeTimeouts();
    await using api = await startCannedApi(() => 'hang');
    const client = createClient({ url: api.url, timeoutMs: 60_000 });
    const rejected = expectRejection(client.vm.reset.mutate(undefined, { timeoutMs: 50 }), {
      code: 'TIMEOUT',
      message: unknownOutcome,
      details: { outcome: 'unknown' },
    });
    await clock.until(() => api.requests.length === 1);
    await clock.pass(50);
    await rejected;
  });

  test('ends the wait for a token too, after which nothing is sent', async () => {
    await using api = await startCannedApi(() => result([]));
    let give = (_token: string) => {};
    const token = () => new Promise<string>((resolve) => (give = resolve));
    const client = createClient({ url: api.url, token, timeoutMs: 50 });
    await expectRejection(client.vm.start.mutate(), {
      code: 'TIMEOUT',
      message: /within 50 ms; try again/,
    });
    give('too-late');
    await nothingIsSent(api);
  });

  test('ends an answer that began and does not go on', async () => {
    const rawServer = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{'));
    });
    await new Promise<void>((resolve) => rawServer.listen(0, '127.0.0.1', resolve));
    const closed = new Promise((resolve) =>
      rawServer.once('connection', (s) => s.once('close', resolve)),
    );
    const url = `http://127.0.0.1:${portOf(rawServer)}`;
    const error = await rejectionOf(createClient({ url, timeoutMs: 1000 }).vm.status.query());
    expect(error.code).toBe('TIMEOUT');
    await closed;
    await new Promise((resolve) => rawServer.close(resolve));
  });

  test('may be endless', async () => {
    await using api = await startCannedApi(() => result([]));
    const client = createClient({ url: api.url, timeoutMs: Number.POSITIVE_INFINITY });
    expect(await client.containers.list.query()).toEqual([]);
  });
});

describe('signal', () => {
  test('ends a call under way at once, and drops its request', async () => {
    await using api = await startCannedApi(() => 'hang');
    const leave = new AbortController();
    const { signal } = leave;
    const call = createClient({ url: api.url }).vm.stop.mutate(undefined, { signal });
    const rejected = expectRejection(call, {
      code: 'ABORTED',
      message: unknownOutcome,
      details: { outcome: 'unknown' },
    });
    await expect.poll(() => api.requests.length).toBe(1);
    const reason = new Error('the user left');
    leave.abort(reason);
    expect((await rejected).cause).toBe(reason);
    await expect.poll(() => api.dropped()).toBe(1);
  });

  test('that is aborted already sends nothing', async () => {
    await using api = await startCannedApi(() => result([]));
    const signal = AbortSignal.abort('a string');
    await expectRejection(createClient({ url: api.url }).vm.stop.mutate(undefined, { signal }), {
      code: 'ABORTED',
      message: /^The call of vm\.stop was aborted$/,
    });
    await nothingIsSent(api);
  });

  test('can end many calls, and holds on to none that has ended', async () => {
    await using api = await startCannedApi(() => result([]));
    const client = createClient({ url: api.url });
    const { signal } = new AbortController();
    // More than ten listeners at once would be a process warning, which fails the run.
    for (let round = 0; round < 30; round++)
      await client.containers.list.query(undefined, { signal });
    expect(api.requests).toHaveLength(30);
  });
});

test('an input that JSON cannot hold is a BAD_REQUEST, and nothing is sent', async () => {
  await using api = await startCannedApi(() => result([]));
  const name = 10n as unknown as string; // what JavaScript callers can do
  const error = await expectRejection(
    createClient({ url: api.url }).containers.stop.mutate({ name }),
    {
      code: 'BAD_REQUEST',
      message: /^The input of containers\.stop cannot be written as JSON$/,
    },
  );
  expect(error.cause).toBeInstanceOf(TypeError);
  await nothingIsSent(api);
});

/** A request that was sent would have come before this one. */
async function nothingIsSent(api: CannedApi): Promise<void> {
  await fetch(`${api.url}/last`);
  expect(api.requests.map(({ url }) => url)).toEqual(['/last']);
}
