// An engine that is silent, and callers who leave: what is given up, and what is closed then.

import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import {
  answerAll,
  connectTo,
  expectLost,
  list,
} from '../../testing/engine-client.test-support.ts';
import { openUnixSocket, startFakeEngine } from '../../testing/fake-engine.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { until } from '../../testing/until.test-support.ts';

test('an engine that is silent is given up at the deadline, and its channel is closed', async () => {
  await using engine = await startFakeEngine(() => {});
  const clock = fakeTimeouts();
  await using client = connectTo(engine, { timeoutMs: 100 });
  const lost = expectLost(client.send(list), 'timeout');
  await until(() => engine.requests.length === 2);
  await clock.pass(100);
  await lost;
  await until(() => engine.sockets.size === 0);
});

test('an engine that is silent while the connection is busy with others gets five times as long', async () => {
  await using engine = await startFakeEngine(() => {});
  const clock = fakeTimeouts();
  await using client = connectTo(engine, { timeoutMs: 100 });
  let isLost = false;
  const lost = expectLost(client.send(list), 'timeout').then(() => {
    isLost = true;
  });
  await until(() => engine.requests.length === 2);
  for (let deadline = 1; deadline <= 5; deadline += 1) {
    expect(isLost).toBe(false);
    engine.channels.receivedBytes += 100_000;
    await clock.pass(100);
  }
  await lost;
});

test('an engine that stops in the middle of a body is given up at the deadline', async () => {
  await using engine = await startFakeEngine((_request, response) => {
    response.writeHead(200);
    response.write('[');
  });
  await using client = connectTo(engine);
  await expectLost(client.send({ ...list, timeoutMs: 100 }), 'timeout');
  await until(() => engine.sockets.size === 0);
});

test("the caller's abort closes the channel and rejects with the caller's reason", async () => {
  await using engine = await startFakeEngine(() => {});
  await using client = connectTo(engine);
  const caller = new AbortController();
  const gone = new Error('the caller left');
  const sent = client.send({ ...list, signal: caller.signal });
  await until(() => engine.requests.length === 2);
  caller.abort(gone);
  await expect(sent).rejects.toBe(gone);
  await until(() => engine.sockets.size === 0);
});

test("the caller's abort while the channel is being opened stops the opening", async () => {
  await using engine = await startFakeEngine(answerAll);
  const stopped: unknown[] = [];
  engine.channels.openSocket = (_path, { signal } = {}) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => {
        stopped.push(signal.reason);
        reject(signal.reason);
      });
    });
  await using client = connectTo(engine);
  const caller = new AbortController();
  const gone = new Error('the caller left');
  const sent = client.send({ ...list, signal: caller.signal });
  await Promise.resolve();
  setImmediate(() => caller.abort(gone));
  await expect(sent).rejects.toBe(gone);
  await until(() => stopped.length === 1);
});

test('a channel that opens after its caller left is closed', async () => {
  await using engine = await startFakeEngine(answerAll);
  let opened: Socket | undefined;
  let open = () => {};
  engine.channels.openSocket = (path) =>
    new Promise((resolve, reject) => {
      open = () =>
        openUnixSocket(path).then((socket) => {
          opened = socket;
          resolve(socket);
        }, reject);
    });
  await using client = connectTo(engine);
  const caller = new AbortController();
  const sent = client.send({ ...list, signal: caller.signal });
  setImmediate(() => caller.abort(new Error('the caller left')));
  await expect(sent).rejects.toThrow('the caller left');
  open();
  await until(() => opened?.destroyed === true);
});
