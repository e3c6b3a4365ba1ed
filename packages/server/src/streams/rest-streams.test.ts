// What REST is asked for and sends of a followed log, of a job's output and of events, as events or as bare text.

import { AppError, type EventWithPosition, type OutputWithPosition } from '@ondemand/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { logs, startLogServer, tRpcLogs } from '../testing/log-server.test-support.ts';
import { createSource, openReader, type Source, toLine } from '../testing/stream.test-support.ts';
import {
  expectApiError,
  type ServiceOverrides,
  startTestServer,
} from '../testing/test-server.test-support.ts';

/** Some readers keep no id without data: https://github.com/EventSource/eventsource */
const opening = {
  comment: 'connected',
  retry: '5000',
  event: 'ready',
  data: '{"stream":"containers_followLogs","name":"nginx"}',
};

let server: Awaited<ReturnType<typeof startLogServer>>;
beforeAll(async () => {
  server = await startLogServer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => server.renew());

describe('a followed log', () => {
  test('is open before anything comes, and says so at once', async () => {
    using reader = await openReader(server, logs);
    expect(reader.status).toBe(200);
    expect(reader.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.stringMatching(/\S/),
      vary: 'accept',
    });
    expect(reader.headers).not.toHaveProperty('content-length');
    expect(await reader.until(1)).toEqual([opening]);
  });

  test('begins with the place to come back to, where there is one before the first line', async () => {
    Object.assign(server.source, { position: 'here' });
    for (const [path, expected] of [
      [logs, { ...opening, id: 'here' }],
      [tRpcLogs, { event: 'connected', data: '{}', id: 'here' }],
    ] as const) {
      using reader = await openReader(server, path);
      expect(await reader.until(1)).toEqual([expected]);
    }
  });

  test('gives each line as an event without a name, in one line of JSON, and ends in `end`', async () => {
    using reader = await openReader(server, logs);
    server.source.push([toLine(1), toLine(2, 'a\r\nb\u2028"\u{1f600}')], [], [toLine(3)]);
    server.source.end();
    expect(await reader.ended()).toBe(
      [
        ': connected\nretry: 5000\nevent: ready\ndata: {"stream":"containers_followLogs","name":"nginx"}\n\n',
        'id: 1\ndata: {"line":"line 1","stream":"stdout"}\n\n',
        'id: 2\ndata: {"line":"a\\r\\nb\u2028\\"\u{1f600}","stream":"stdout"}\n\n',
        'id: 3\ndata: {"line":"line 3","stream":"stdout"}\n\n',
        'event: end\ndata: {}\n\n',
      ].join(''),
    );
  });

  test('gives a line that comes alone without waiting for another', async () => {
    using reader = await openReader(server, `${logs}?timestamps=true`);
    server.source.push([toLine(7)]);
    const [, event] = await reader.until(2);
    expect(JSON.parse(event?.data ?? '')).toEqual({
      line: 'line 7',
      stream: 'stdout',
      time: '2026-02-08T10:15:30.000000007Z',
    });
  });

  test.each([
    ['', {}, {}],
    ['?tail=all', {}, { tail: 'all' }],
    [
      '?tail=0&since=10m&timestamps=false&follow=false',
      {},
      { tail: 0, since: '10m', follow: false },
    ],
    ['?tail=5&timestamps=1&follow=0', {}, { tail: 5, follow: false }], // as Docker's own API spells them
    ['?since=1770545730', {}, { since: '1770545730' }],
    ['?lastEventId=1.2', {}, { after: '1.2' }],
    ['?lastEventId=1.2', { 'last-event-id': '3.4' }, { after: '3.4' }],
    ['?lastEventId=1.2', { 'last-event-id': '' }, { after: '1.2' }],
  ])('reads %s with %j', async (query, headers, expected) => {
    using _reader = await openReader(server, `${logs}${query}`, { headers });
    expect(server.asked).toEqual([{ name: 'nginx', options: expected }]);
  });

  test.each([
    ['tail=-1', 'tail'],
    ['tail=1e3', 'tail'],
    ['tail=', 'tail'],
    ['tail=ALL', 'tail'],
    ['tail=1&tail=2', 'tail'],
    ['timestamps=2', 'timestamps'],
    ['timestamps=TRUE', 'timestamps'],
    ['timestamps', 'timestamps'],
    ['follow=no', 'follow'],
    ['since=yesterday', 'since'],
    ['since=10m&since=5m', 'since'],
    [`lastEventId=${'1'.repeat(129)}`, 'lastEventId'],
    ['lastEventId=1&lastEventId=2', 'lastEventId'],
    ['lines=5', 'lines'],
    ['name=other', 'name'],
    ['constructor=1', 'constructor'],
  ])('refuses ?%s', async (query, path) => {
    const { details } = await expectApiError(
      await server.ask(`${logs}?${query}`, { as: 'read' }),
      'BAD_REQUEST',
    );
    expect(details.issues?.map((issue) => issue.path)).toEqual([path]);
    expect(server.asked).toEqual([]);
  });

  test('refuses what may not be a name', async () => {
    for (const name of ['-f', '.hidden', 'a%20b', 'a%2Fb'])
      await expectApiError(
        await server.ask(`/containers/${name}/logs/stream`, { as: 'read' }),
        'BAD_REQUEST',
      );
  });

  test('that cannot be opened is an ordinary error', async () => {
    await expectApiError(
      await server.ask('/containers/ngnix/logs/stream', { as: 'read' }),
      'NOT_FOUND',
    );
    await expectApiError(await server.ask(logs), 'UNAUTHORIZED');
  });

  test('that fails on the way says how, and ends', async () => {
    using reader = await openReader(server, logs);
    server.source.push([toLine(1)]);
    server.source.fail(new AppError('NOT_FOUND', 'It was removed', { details: { name: 'nginx' } }));
    await reader.ended();
    const failure = reader.events().at(-1);
    expect(reader.events()).toHaveLength(3);
    expect(failure?.event).toBe('failure');
    expect(JSON.parse(failure?.data ?? '')).toEqual({
      error: 'Container not found',
      code: 'NOT_FOUND',
      message: 'It was removed',
      details: { name: 'nginx', requestId: reader.headers['x-request-id'] },
    });
  });

  test('that fails for a reason of ours tells nothing of it', async () => {
    using reader = await openReader(server, logs);
    server.source.fail(new Error('secret'));
    expect(await reader.ended()).not.toContain('secret');
    expect(JSON.parse(reader.events().at(-1)?.data ?? '')).toMatchObject({
      code: 'INTERNAL_ERROR',
    });
  });
});

describe('bare text', () => {
  const headers = { accept: 'text/plain' };

  test('is the lines, open before the first', async () => {
    using reader = await openReader(server, logs, { headers });
    expect(reader.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'transfer-encoding': 'chunked',
    });
    server.source.push([toLine(1), toLine(2, 'ü')]);
    server.source.end();
    expect(await reader.ended()).toBe('line 1\nü\n');
  });

  test('has the time before each line where that was asked for', async () => {
    using reader = await openReader(server, `${logs}?timestamps=true`, { headers });
    server.source.push([toLine(1)]);
    server.source.end();
    expect(await reader.ended()).toMatch(/^\d{4}-\d\d-\d\dT\S+Z line 1\n$/);
  });

  test('is not what a reader of events gets that could take text too', async () => {
    for (const accept of ['text/event-stream, text/plain', '*/*', 'application/json']) {
      using reader = await openReader(server, logs, { headers: { accept } });
      expect(reader.headers['content-type']).toMatch(/^text\/event-stream/);
    }
  });

  test('that fails on the way is cut off, so that it does not look complete', async () => {
    using reader = await openReader(server, logs, { headers });
    server.source.push([toLine(1)]);
    await expect.poll(reader.text).toBe('line 1\n');
    server.source.fail(new AppError('NOT_FOUND', 'It was removed'));
    await expect(reader.ended()).rejects.toThrow('the stream is cut');
  });

  test("of a job's output is its pieces as they are", async () => {
    const source: Source<OutputWithPosition> = createSource();
    await using server = await startTestServer({ jobs: { output: async () => source } });
    using reader = await openReader(server, '/jobs/j-1/output', { headers });
    source.push({ text: 'one\ntwo\n', position: '8' }, { text: 'three', position: '13' });
    source.end();
    expect(await reader.ended()).toBe('one\ntwo\nthree');
  });
});

test("a job's output is resumed from an offset", async () => {
  const source: Source<OutputWithPosition> = createSource();
  const asked: unknown[] = [];
  const output: ServiceOverrides['jobs'] = {
    output: async (id, { after } = {}) => {
      asked.push({ id, after });
      return source;
    },
  };
  await using server = await startTestServer({ jobs: output });
  using reader = await openReader(server, '/jobs/j-1/output?lastEventId=8');
  source.push({ text: 'three\n', position: '14' });
  source.end();
  await reader.ended();
  expect(asked).toEqual([{ id: 'j-1', after: '8' }]);
  expect(reader.events().slice(1)).toEqual([
    { id: '14', data: '{"text":"three\\n"}' },
    { event: 'end', data: '{}' },
  ]);
});

test('events have their type as a name', async () => {
  const source: Source<EventWithPosition> = createSource();
  await using server = await startTestServer({ events: { watch: async () => source } });
  using reader = await openReader(server, '/events', { headers: { accept: 'text/plain' } });
  const time = '2026-02-08T10:15:30.000Z';
  source.push(
    {
      event: { type: 'vm', time, lifecycleState: 'RUNNING', previous: 'STARTING' },
      position: 'a-1',
    },
    { event: { type: 'resync', time, reason: 'why' }, position: 'a-2' },
  );
  const [, vm, resync] = await reader.until(3);
  expect(reader.headers['content-type']).toMatch(/^text\/event-stream/); // it has no other form
  expect(vm).toMatchObject({ event: 'vm', id: 'a-1' });
  expect(resync).toMatchObject({ event: 'resync', id: 'a-2' });
  expect(JSON.parse(vm?.data ?? '')).toMatchObject({ type: 'vm', lifecycleState: 'RUNNING' });
});
