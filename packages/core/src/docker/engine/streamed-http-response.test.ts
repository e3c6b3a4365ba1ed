// Answers that go on, over real sockets: fetched as they are read, and never taken for whole when they were cut.

import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { isAppError } from '../../app-error.ts';
import {
  type FakeEngine,
  openUnixSocket,
  type Respond,
  refusal,
  sendJson,
  startFakeEngine,
} from '../../testing/fake-engine.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { until } from '../../testing/until.test-support.ts';
import { createEngineClient } from './http-client.ts';
import { LostAnswerError } from './http-request.ts';
import type { EngineStream } from './streamed-http-response.ts';

const events = { operation: 'events', path: '/events' } as const;
const list = { operation: 'list', method: 'GET', path: '/containers/json' } as const;
const begin: Respond = (_request, response) => {
  response.writeHead(200);
  response.write('first');
};

test('stream() gives what comes as it comes, in the negotiated version, and ends when the engine does', async () => {
  let end = () => {};
  await using engine = await startFakeEngine((request, response) => {
    begin(request, response);
    end = () => response.end('last');
  });
  await using client = connectTo(engine);
  const iterator = (await start(client)).chunks[Symbol.asyncIterator]();
  expect(String((await iterator.next()).value)).toBe('first');
  end();
  expect(String((await iterator.next()).value)).toBe('last');
  expect((await iterator.next()).done).toBe(true);
  expect(engine.requests).toEqual(['GET /_ping', 'GET /v1.41/events']);
  // The idle one of the ping is left.
  await until(() => engine.sockets.size === 1);
});

test.each<[string, Respond]>([
  ['is cut', (request) => request.socket.destroy()],
  ['ends without saying so', (request) => request.socket.end()],
])('an answer that %s in the middle was cut', async (_name, cut) => {
  await using engine = await startFakeEngine((request, response) => {
    begin(request, response);
    setTimeout(() => cut(request, response), 20);
  });
  await using client = connectTo(engine);
  await expectCut(readAll(await start(client)));
});

test('an answer whose end cannot be told from a lost connection was cut', async () => {
  await using engine = await startFakeEngine((request) => {
    request.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it');
  });
  await using client = connectTo(engine);
  await expectCut(readAll(await start(client)));
});

test('a connection that is lost before the headers is a lost answer, sent once', async () => {
  await using engine = await startFakeEngine((request) => request.socket.destroy());
  await using client = connectTo(engine);
  await expectCut(client.stream(events));
  expect(engine.requests).toHaveLength(2);
});

test('an engine that gives no headers is given up at the deadline, one that gives no more is not', async () => {
  await using engine = await startFakeEngine(() => {});
  const clock = fakeTimeouts();
  await using client = connectTo(engine, 100);
  const lost = expect(client.stream(events)).rejects.toMatchObject({ reason: 'timeout' });
  await until(() => engine.requests.length === 2);
  await clock.pass(100);
  await lost;
  await until(() => engine.sockets.size === 1);
  const answers: ServerResponse[] = [];
  engine.respond = (_request, response) => {
    response.writeHead(200);
    response.flushHeaders();
    answers.push(response);
  };
  const body = await start(client);
  await clock.pass(300);
  answers[0]?.end('late');
  expect(await readAll(body)).toBe('late');
});

test('an answer that is no 200 comes whole', async () => {
  await using engine = await startFakeEngine((_request, response) =>
    sendJson(response, 404, { message: 'gone' }),
  );
  await using client = connectTo(engine);
  const answer = await client.stream(events);
  expect('body' in answer && String(answer.body)).toBe('{"message":"gone"}');
});

test("the caller's abort closes the channel and rejects with its reason, before the headers and after", async () => {
  await using engine = await startFakeEngine(() => {});
  await using client = connectTo(engine);
  const gone = new Error('the caller left');
  const early = new AbortController();
  const asked = client.stream({ ...events, signal: early.signal });
  await until(() => engine.requests.length === 2);
  early.abort(gone);
  await expect(asked).rejects.toBe(gone);
  await until(() => engine.sockets.size === 1);

  engine.respond = begin;
  const late = new AbortController();
  const read = readAll(await start(client, late.signal));
  setTimeout(() => late.abort(gone), 20);
  await expect(read).rejects.toBe(gone);
  await until(() => engine.sockets.size === 1);
});

test('an abort closes the channel of an answer that nobody reads', async () => {
  await using engine = await startFakeEngine(begin);
  await using client = connectTo(engine);
  const caller = new AbortController();
  await client.stream({ ...events, signal: caller.signal });
  caller.abort();
  await until(() => engine.sockets.size === 1);
});

test('leaving the iteration closes the channel', async () => {
  await using engine = await startFakeEngine(begin);
  await using client = connectTo(engine);
  for await (const _chunk of (await start(client)).chunks) break;
  await until(() => engine.sockets.size === 1);
});

test('what is not read is not fetched', async () => {
  let sent = 0;
  await using engine = await startFakeEngine((request, response) => {
    if (request.url?.endsWith(list.path)) return sendJson(response, 200, []);
    response.writeHead(200);
    const megabyte = Buffer.alloc(1024 * 1024);
    const write = () => {
      for (let more = true; more && !response.destroyed; sent += 1) more = response.write(megabyte);
    };
    response.on('drain', write);
    write();
  });
  await using client = connectTo(engine);
  const { chunks } = await start(client);
  for (let n = 0; n < 100; n += 1) await client.send(list);
  expect(sent).toBeLessThan(4);
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > 20 * 1024 * 1024) break;
  }
  expect(sent).toBeGreaterThan(16);
});

test('128 streams go on at the same time, one more is refused at once, and none keeps a request waiting', async () => {
  await using engine = await startFakeEngine(begin);
  await using client = connectTo(engine);
  const callers = Array.from({ length: 128 }, () => new AbortController());
  await Promise.all(callers.map(({ signal }) => start(client, signal)));
  const refused = await client.stream(events).catch((error: unknown) => error);
  expect(isAppError(refused, 'SERVICE_UNAVAILABLE') && refused.details).toEqual({
    reason: 'TOO_MANY_STREAMS',
    retryAfterSeconds: 5,
  });
  engine.respond = (_request, response) => sendJson(response, 200, []);
  await Promise.all(Array.from({ length: 64 }, () => client.send(list)));
  for (const caller of callers) caller.abort();
  await until(() => engine.sockets.size <= 16);
  engine.respond = begin;
  for await (const _chunk of (await start(client)).chunks) break;
});

test('behind docker system dial-stdio there are two', async () => {
  await using engine = await startFakeEngine(begin);
  engine.channels.openSocket = () => Promise.reject(refusal('Forwarding is off.'));
  engine.channels.openCommand = () => openUnixSocket(engine.socketPath);
  await using client = connectTo(engine);
  await Promise.all([start(client), start(client)]);
  await expect(client.stream(events)).rejects.toMatchObject({
    details: { reason: 'TOO_MANY_STREAMS' },
  });
});

test('a stream that could not be opened, or was lost, gives its place back', async () => {
  await using engine = await startFakeEngine((request) => request.socket.destroy());
  engine.channels.openSocket = () => Promise.reject(refusal('Forwarding is off.'));
  engine.channels.openCommand = () => openUnixSocket(engine.socketPath);
  await using client = connectTo(engine);
  for (let n = 0; n < 5; n += 1) await expectCut(client.stream(events));
  engine.channels.openCommand = () => Promise.reject(refusal('No more sessions.'));
  for (let n = 0; n < 5; n += 1) {
    await expect(client.stream(events)).rejects.toThrow('No more sessions');
  }
  engine.channels.openCommand = () => openUnixSocket(engine.socketPath);
  engine.respond = begin;
  await Promise.all([start(client), start(client)]);
});

test('the disposal of the client cuts its streams', async () => {
  await using engine = await startFakeEngine(begin);
  const client = connectTo(engine);
  const stream = await start(client);
  await client[Symbol.asyncDispose]();
  await expectCut(readAll(stream));
  await expect(client.stream(events)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
});

function connectTo({ channels, socketPath }: FakeEngine, timeoutMs = 4000) {
  return createEngineClient({ channels, socketPath, timeoutMs });
}

async function start(
  client: ReturnType<typeof connectTo>,
  signal?: AbortSignal,
): Promise<EngineStream> {
  const answer = await client.stream({ ...events, signal });
  if (!('chunks' in answer)) throw new Error(`The fake engine answered ${answer.status}`);
  return answer;
}

async function readAll({ chunks }: EngineStream): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += chunk.toString();
  return text;
}

async function expectCut(work: Promise<unknown>): Promise<void> {
  const error = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LostAnswerError);
  expect(error).toMatchObject({ reason: 'cut' });
}
