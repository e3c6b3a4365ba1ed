import { AppError, type EventWithPosition } from '@ondemand/core';
import { tracked } from '@trpc/server';
import { sseStreamProducer } from '@trpc/server/unstable-core-do-not-import';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ErrorResponse } from '../http/api-error.ts';
import { type TrpcErrorData, toTrpcErrorShape } from '../procedures/base.ts';
import { createItemStream } from '../streams/byte-stream.ts';
import { toInterruptible } from '../streams/interruptible-stream.ts';
import { type Item, toTrpcSse } from '../streams/sse.ts';
import { startLogServer } from '../testing/log-server.test-support.ts';
import { createSource, openReader, type Source, toLine } from '../testing/stream.test-support.ts';
import { readJson, startTestServer } from '../testing/test-server.test-support.ts';

let server: Awaited<ReturnType<typeof startLogServer>>;
beforeAll(async () => {
  server = await startLogServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => server.renew());

const toPath = (input: unknown, rest = '') =>
  `/trpc/containers.followLogs?input=${encodeURIComponent(JSON.stringify(input))}${rest}`;
const path = toPath({ name: 'nginx' });

describe('a subscription that is refused', () => {
  const unknown = toPath({ name: 'ngnix' });

  test("tells an EventSource, as which tRPC's link cannot read the body of a refusal, by an event", async () => {
    using reader = await openReader(server, unknown, { headers: { accept: 'text/event-stream' } });
    expect(reader.status).toBe(200);
    await reader.ended();
    const error = reader.events().find(({ event }) => event === 'serialized-error');
    expect(JSON.parse(error?.data ?? '')).toMatchObject({
      message: "No container named 'ngnix'",
      data: { code: 'NOT_FOUND', httpStatus: 404, path: 'containers.followLogs' },
    });
  });

  test('keeps its status for other clients, and where the token is what is refused', async () => {
    expect((await server.ask(unknown, { as: 'read' })).status).toBe(404);
    const headers = { accept: 'text/event-stream' };
    expect((await server.ask(unknown, { headers })).status).toBe(401);
  });
});

describe('a subscription', () => {
  test('is answered in the form of tRPC, and open before anything comes', async () => {
    using reader = await openReader(server, path);
    expect(reader.status).toBe(200);
    expect(reader.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-request-id': expect.stringMatching(/\S/),
    });
    expect(await reader.until(1)).toEqual([{ event: 'connected', data: '{}' }]);
    server.source.push([toLine(1), toLine(2)]);
    server.source.end();
    await reader.ended();
    expect(reader.events().slice(1)).toEqual([
      { id: '1', data: '{"line":"line 1","stream":"stdout"}' },
      { id: '2', data: '{"line":"line 2","stream":"stdout"}' },
      { event: 'return', data: '' },
    ]);
  });

  test.each([
    ['its input', '', {}, { tail: 5 }],
    ['the query', '&lastEventId=1.2', {}, { tail: 5, after: '1.2' }],
    ['the header', '&lastEventId=1.2', { 'last-event-id': '3.4' }, { tail: 5, after: '3.4' }],
  ])('takes where to go on from %s', async (_, query, headers, expected) => {
    using _reader = await openReader(server, toPath({ name: 'nginx', tail: 5 }, query), {
      headers,
    });
    expect(server.asked).toEqual([{ name: 'nginx', options: expected }]);
  });

  test('without input can be resumed, too', async () => {
    const source: Source<EventWithPosition> = createSource();
    const asked: unknown[] = [];
    await using server = await startTestServer({
      events: {
        watch: async ({ after } = {}) => {
          asked.push(after);
          return source;
        },
      },
    });
    using _first = await openReader(server, '/trpc/events');
    using _second = await openReader(server, '/trpc/events', {
      headers: { 'last-event-id': 'a-1' },
    });
    expect(asked).toEqual([undefined, 'a-1']);
  });

  test('is left at once when its reader leaves, and not opened again', async () => {
    const reader = await openReader(server, path);
    reader.leave();
    await expect.poll(() => server.source.isLeft).toBe(true);
    expect((await server.ask('/trpc/whoami', { as: 'read' })).status).toBe(200);
    expect(server.asked).toHaveLength(1);
  });

  test('that fails on the way says how in an ApiError', async () => {
    using reader = await openReader(server, path);
    server.source.fail(new AppError('NOT_FOUND', 'It was removed'));
    await reader.ended();
    const last = reader.events().at(-1);
    expect(last?.event).toBe('serialized-error');
    expect(JSON.parse(last?.data ?? '')).toMatchObject({
      message: 'It was removed',
      data: {
        code: 'NOT_FOUND',
        httpStatus: 404,
        path: 'containers.followLogs',
        details: { requestId: reader.headers['x-request-id'] },
      },
    });
  });
});

test.each([
  ['no token', path, undefined, {}, 401, 'UNAUTHORIZED'],
  ['no such container', toPath({ name: 'ngnix' }), 'read', {}, 404, 'NOT_FOUND'],
  ['a bad name', toPath({ name: '../x' }), 'read', {}, 400, 'BAD_REQUEST'],
  ['a number as text', toPath({ name: 'nginx', tail: '5' }), 'read', {}, 400, 'BAD_REQUEST'],
  ['no input', '/trpc/containers.followLogs', 'read', {}, 400, 'BAD_REQUEST'],
  ['an input that is none', toPath('x', '&lastEventId=1'), 'read', {}, 400, 'BAD_REQUEST'],
  ['malformed input', '/trpc/containers.followLogs?input=%7B', 'read', {}, 400, 'BAD_REQUEST'],
  ['a POST', path, 'read', { method: 'POST' }, 405, 'METHOD_NOT_ALLOWED'],
  [
    'an escaped path',
    toPath({ name: 'ngnix' }).replace('.', '%252E'),
    'read',
    {},
    404,
    'NOT_FOUND',
  ],
] as const)('%s is an ordinary failure of tRPC', async (_, target, as, init, status, code) => {
  const response = await server.ask(target, { ...(as && { as }), ...init });
  const { error } = await readJson<{ error: { data: TrpcErrorData } }>(response);
  expect({ status: response.status, code: error.data.code }).toEqual({ status, code });
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  expect(response.headers.has('allow')).toBe(status === 405);
  expect(error.data.httpStatus).toBe(status);
  expect(error.data.details.requestId).toBe(response.headers.get('x-request-id'));
});

describe('a batch', () => {
  const input = encodeURIComponent(JSON.stringify({ 0: { name: 'nginx' }, 1: { name: 'nginx' } }));
  test.each([
    ['of one', `/trpc/containers.followLogs?batch=1&input=${input}`, {}],
    ['without input', '/trpc/events?batch=1&input=%7B%7D', {}],
    ['of two', `/trpc/containers.followLogs,containers.followLogs?batch=1&input=${input}`, {}],
    ['beside a query', `/trpc/containers.followLogs,containers.status?batch=1&input=${input}`, {}],
    [
      'as a stream of lines',
      `/trpc/containers.followLogs?batch=1&input=${input}`,
      { 'trpc-accept': 'application/jsonl' },
    ],
  ])('%s cannot hold a subscription', async (_, target, headers) => {
    const response = await server.ask(target, { as: 'read', headers });
    const text = await response.text();
    expect(text).toContain('"code":"BAD_REQUEST"');
    expect(text).not.toContain('INTERNAL');
    expect(response.status).toBeLessThan(500);
    expect(server.asked).toEqual([]);
  });
});

describe("what is sent is what tRPC's own producer sends", () => {
  const items = [
    tracked('1', { line: 'a\r\nü\u2028', stream: 'stdout' }),
    tracked('a b', { nested: [1, null, { x: '"' }] }),
  ];
  const failure: ErrorResponse = {
    status: 404,
    headers: {},
    body: { error: 'e', code: 'NOT_FOUND', message: 'gone', details: { requestId: 'r' } },
  };

  async function* give(error?: Error) {
    yield* items;
    if (error !== undefined) throw error;
  }

  test.each([
    ['to its end', undefined],
    ['to a failure', new Error('x')],
  ])('%s', async (_, error) => {
    const theirs = sseStreamProducer({
      data: give(error),
      formatError: () => toTrpcErrorShape(failure.status, failure.body, 'a.b'),
    });
    const ours = createItemStream<Item>(
      toInterruptible(give(error), () => {}),
      {
        encoding: toTrpcSse('a.b'),
        pingMs: 20_000,
        toFailure: () => failure,
      },
    );
    const text = (await ours.toArray()).map(String).join('');
    expect(text).toBe(await new Response(theirs as ReadableStream<Uint8Array>).text());
    expect(text).toContain(error === undefined ? 'event: return' : 'event: serialized-error');
  });

  test('for a ping', async () => {
    const source = createSource<Item>();
    const theirs = sseStreamProducer({ data: source, ping: { enabled: true, intervalMs: 5 } });
    let text = '';
    for await (const chunk of theirs) {
      text += Buffer.from(chunk as Uint8Array).toString();
      if (text.includes('ping')) break;
    }
    const { toHead, ping } = toTrpcSse('a.b');
    expect(`${toHead(undefined)}${ping}`).toMatch(new RegExp(`^${text}`));
  });
});
