// Requests over real sockets: versions, kept channels, bodies and limits.

import { expect, test } from 'vitest';
import { isAppError } from '../../app-error.ts';
import {
  answerAll,
  connectTo,
  expectLost,
  list,
  stop,
} from '../../testing/engine-client.test-support.ts';
import {
  openUnixSocket,
  sendJson,
  startFakeEngine,
} from '../../testing/fake-engine.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { until } from '../../testing/until.test-support.ts';

test.each([
  ['1.41', '/v1.41'],
  ['1.40', '/v1.40'],
  ['1.51', '/v1.51'],
  ['1.52', '/v1.51'],
  ['1.104', '/v1.51'],
])('an engine of API %s is spoken to at %s', async (theirs, prefix) => {
  await using engine = await startFakeEngine(answerAll);
  engine.apiVersion = theirs;
  await using client = connectTo(engine);
  await client.send(list);
  expect(engine.requests).toEqual(['GET /_ping', `GET ${prefix}/containers/json`]);
});

test.each([['1.39'], ['1.24'], ['2.0'], ['banana'], ['1.41, 1.42'], [undefined]])(
  'an engine of API %s is refused in plain words',
  async (theirs) => {
    await using engine = await startFakeEngine(answerAll);
    engine.apiVersion = theirs;
    await using client = connectTo(engine);
    await expect(client.send(list)).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('cannot be used'),
    });
    expect(engine.requests).toEqual(['GET /_ping']);
  },
);

test('the version is asked once per connection, however many begin at once', async () => {
  await using engine = await startFakeEngine(answerAll);
  await using client = connectTo(engine);
  await Promise.all(Array.from({ length: 30 }, () => client.send(list)));
  expect(engine.requests.filter((line) => line.endsWith('_ping'))).toHaveLength(1);
  engine.channels.generation = 2;
  engine.apiVersion = '1.44';
  await client.send(list);
  expect(engine.requests.slice(-2)).toEqual(['GET /_ping', 'GET /v1.44/containers/json']);
});

test('an engine that was replaced behind the same connection is asked for its version again', async () => {
  await using engine = await startFakeEngine((request, response) => {
    if (request.url?.startsWith('/v1.44')) return sendJson(response, 200, []);
    sendJson(response, 400, {
      message: 'client version 1.41 is too old. Minimum supported API version is 1.44',
    });
  });
  await using client = connectTo(engine);
  engine.apiVersion = '1.41';
  const refused = client.send(list);
  await expect(refused).rejects.toThrow('it refuses every version');
  engine.apiVersion = '1.44';
  await expect(client.send(stop)).resolves.toMatchObject({ status: 200 });
});

test('a kept-alive channel is used again for a GET, never for a POST', async () => {
  await using engine = await startFakeEngine(answerAll);
  await using client = connectTo(engine);
  for (let n = 0; n < 5; n += 1) await client.send(list);
  expect(engine.channels.opened).toBe(1);
  await client.send(stop);
  await client.send(stop);
  expect(engine.channels.opened).toBe(3);
  await until(() => engine.sockets.size === 1);
});

test('a GET on a kept-alive channel that turns out dead is sent once more on a fresh one', async () => {
  let kill = false;
  await using engine = await startFakeEngine((request, response) => {
    if (!kill) return sendJson(response, 200, []);
    kill = false;
    request.socket.destroy();
    response.destroy();
  });
  await using client = connectTo(engine);
  await Promise.all([client.send(list), client.send(list), client.send(list)]);
  const opened = engine.channels.opened;
  kill = true;
  await expect(client.send(list)).resolves.toMatchObject({ status: 200 });
  expect(engine.channels.opened).toBe(opened + 1);
  // The other idle ones were not trusted either.
  await until(() => engine.sockets.size === 1);
});

test('a GET on a fresh channel, or one whose answer had begun, is not repeated', async () => {
  await using engine = await startFakeEngine((request) => request.socket.destroy());
  engine.channels.openSocket = (path) => {
    engine.channels.opened += 1;
    return openUnixSocket(path);
  };
  await using client = connectTo(engine);
  await client.send({ ...list, path: '/_' }).catch(() => {});
  engine.requests.length = 0;
  engine.respond = (request, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half');
    setImmediate(() => request.socket.destroy());
  };
  await expectLost(client.send(list), 'cut');
  expect(engine.requests).toEqual(['GET /v1.41/containers/json']);
});

test('a POST whose answer is lost is sent once', async () => {
  await using engine = await startFakeEngine((request) => request.socket.destroy());
  await using client = connectTo(engine);
  await expectLost(client.send(stop), 'cut');
  expect(engine.requests).toEqual(['GET /_ping', 'POST /v1.41/containers/x/stop']);
});

test.each([
  ['with a length', { 'content-length': '1000' }],
  ['in chunks', { 'transfer-encoding': 'chunked' }],
])('a body %s that is cut is no answer', async (_name, headers) => {
  await using engine = await startFakeEngine((request, response) => {
    response.writeHead(200, headers);
    response.write('[{"Id":');
    setTimeout(() => request.socket.destroy(), 10);
  });
  await using client = connectTo(engine);
  await expectLost(client.send(list), 'cut');
});

test('a body that ends with its channel is no answer: a lost connection looks the same', async () => {
  await using engine = await startFakeEngine((request) => {
    request.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[]');
  });
  await using client = connectTo(engine);
  await expectLost(client.send(list), 'unclear');
});

test('what takes a body as it comes can end it', async () => {
  await using engine = await startFakeEngine((_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('x'), 1);
    response.on('close', () => clearInterval(timer));
  });
  await using client = connectTo(engine);
  const enough = new Error('enough');
  const onChunk = () => {
    throw enough;
  };
  await expect(client.send({ ...list, onChunk })).rejects.toBe(enough);
  await until(() => engine.sockets.size === 0);
});

test('an error body is collected even when a body was to be taken as it comes', async () => {
  await using engine = await startFakeEngine((_request, response) =>
    sendJson(response, 404, { message: 'gone' }),
  );
  await using client = connectTo(engine);
  const taken: Buffer[] = [];
  const answer = await client.send({ ...list, onChunk: (chunk) => taken.push(chunk) });
  expect(answer.body.toString()).toBe('{"message":"gone"}');
  expect(taken).toEqual([]);
});

test('at most 64 requests are at the engine, the others wait for their turn', async () => {
  const waiting: (() => void)[] = [];
  await using engine = await startFakeEngine((_request, response) => {
    waiting.push(() => sendJson(response, 200, []));
  });
  await using client = connectTo(engine);
  const sent = Array.from({ length: 100 }, () => client.send(list));
  await until(() => waiting.length === 64);
  expect(engine.sockets.size).toBe(64);
  for (let answered = 0; answered < 100; answered += 1) {
    await until(() => waiting.length > 0);
    waiting.shift()?.();
  }
  await Promise.all(sent);
  expect(engine.sockets.size).toBeLessThanOrEqual(64);
});

test('a request that waits too long for a slot fails with that reason', async () => {
  const clock = fakeTimeouts();
  await using engine = await startFakeEngine(() => {});
  await using client = connectTo(engine, { timeoutMs: 300 });
  const errors: unknown[] = [];
  const sent = Array.from({ length: 65 }, () =>
    client.send({ ...list, headersTimeoutMs: 600 }).catch((error: unknown) => errors.push(error)),
  );
  await until(() => engine.requests.length === 65); // 64 of them, and the ping
  await clock.pass(300);
  await until(() => errors.length === 1);
  expect(isAppError(errors[0], 'SERVICE_UNAVAILABLE')).toBe(true);
  await clock.pass(600);
  await Promise.all(sent);
  expect(errors.filter((error) => isAppError(error, 'SERVICE_UNAVAILABLE'))).toHaveLength(1);
});

test('every request is reported with its status, and without one when no answer came', async () => {
  const events: unknown[] = [];
  await using engine = await startFakeEngine(answerAll);
  await using client = connectTo(engine, { onRequest: (event) => events.push(event) });
  await client.send(list);
  engine.respond = (request) => request.socket.destroy();
  await client.send(stop).catch(() => {});
  expect(events).toEqual([
    { operation: 'ping', status: 200, durationMs: expect.any(Number) },
    { operation: 'list', status: 200, durationMs: expect.any(Number) },
    { operation: 'stop', durationMs: expect.any(Number) },
  ]);
});

test('after its disposal a client holds no channel and takes no request', async () => {
  await using engine = await startFakeEngine(answerAll);
  const client = connectTo(engine);
  await client.send(list);
  await client[Symbol.asyncDispose]();
  await until(() => engine.sockets.size === 0);
  await expect(client.send(list)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
});
