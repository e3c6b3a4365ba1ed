// tRPC's own links, for callers who do not use our client.

import { AppError } from '@ondemand/core';
import {
  createTRPCClient,
  httpBatchLink,
  httpBatchStreamLink,
  httpSubscriptionLink,
  TRPCClientError,
} from '@trpc/client';
import { EventSource } from 'eventsource';
import { expect, test } from 'vitest';
import type { AppRouter } from '../procedures/app-router.ts';
import { createSource, toLine } from '../testing/stream.test-support.ts';
import { startTestServer } from '../testing/test-server.test-support.ts';

const headers = { authorization: 'Bearer read' };

/** What it fails with, whole. */
async function failureOf(promise: Promise<unknown>): Promise<TRPCClientError<AppRouter>> {
  const error = await promise.then(
    () => expect.unreachable('it did not fail'),
    (failure: unknown) => failure,
  );
  expect(error).toBeInstanceOf(TRPCClientError);
  return error as TRPCClientError<AppRouter>; // has just been seen
}

test('httpBatchStreamLink gets each answer of one request, the failed one with its ApiError', async () => {
  await using server = await startTestServer();
  const requests: string[] = [];
  const client = createTRPCClient<AppRouter>({
    links: [
      httpBatchStreamLink({
        url: `${server.url}/trpc`,
        headers,
        fetch: (input, init) => {
          requests.push(String(input));
          return fetch(input, init as RequestInit); // its own type of the same thing
        },
      }),
    ],
  });
  const missing = failureOf(client.containers.status.query({ name: 'ngnix' }));
  const [who, containers] = await Promise.all([
    client.whoami.query(),
    client.containers.list.query(),
  ]);
  expect(who.sub).toBe('read');
  expect(containers.map(({ name }) => name)).toEqual(['nginx']);
  expect((await missing).data).toMatchObject({
    code: 'NOT_FOUND',
    httpStatus: 404,
    details: { name: 'ngnix', requestId: expect.any(String) },
  });
  expect(requests).toHaveLength(1);
});

test('httpBatchLink with more calls than a batch may hold is told the limit and what to set, and works with that', async () => {
  await using server = await startTestServer();
  const ask = (maxItems: number) => {
    const url = `${server.url}/trpc`;
    const client = createTRPCClient<AppRouter>({
      links: [httpBatchLink({ url, headers, maxItems })],
    });
    return Array.from({ length: 70 }, () => client.whoami.query());
  };
  for (const each of ask(Number.POSITIVE_INFINITY)) {
    const { data } = await failureOf(each);
    expect(data?.code).toBe('BAD_REQUEST');
    expect(JSON.stringify(data)).toContain('maxItems: 50');
  }
  expect(await Promise.all(ask(50))).toHaveLength(70);
});

/** With the npm package `eventsource`: `httpSubscriptionLink` of a page has the browser's. */
function createSubscriber(url: string) {
  return createTRPCClient<AppRouter>({
    links: [
      httpSubscriptionLink({
        url: `${url}/trpc`,
        EventSource: EventSource as never, // the DOM's type of the same thing
        eventSourceOptions: {
          fetch: (input: string | URL, init: RequestInit) =>
            fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
        } as never, // as `eventsource` has them
      }),
    ],
  });
}

test('httpSubscriptionLink gets items with their ids, and ends without asking again', async () => {
  const source = createSource<readonly ReturnType<typeof toLine>[]>();
  const asked: unknown[] = [];
  await using server = await startTestServer({
    containers: {
      followLogs: async (_name, { after } = {}) => {
        asked.push(after);
        return source;
      },
    },
  });
  const got: string[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    createSubscriber(server.url).containers.followLogs.subscribe(
      { name: 'nginx' },
      {
        onData: ({ id, data }) => got.push(`${id} ${data.line}`),
        onComplete: resolve,
        onError: reject,
      },
    );
  });
  source.push([toLine(1), toLine(2)]);
  await expect.poll(() => got).toEqual(['1 line 1', '2 line 2']);
  source.end();
  await ended;
  expect(asked).toEqual([undefined]);
});

test.each([
  ['NOT_FOUND', 404],
  ['CONFLICT', 409],
] as const)(
  'httpSubscriptionLink is told of a refusal (%s) by its ApiError',
  async (code, status) => {
    await using server = await startTestServer({
      containers: {
        followLogs: async () => Promise.reject(new AppError(code, 'Why it is so')),
      },
    });
    const error = await failureOf(
      new Promise((_resolve, reject) => {
        const { followLogs } = createSubscriber(server.url).containers;
        followLogs.subscribe({ name: 'nginx' }, { onError: reject });
      }),
    );
    expect(error.message).toBe('Why it is so');
    expect(error.data).toMatchObject({ code, httpStatus: status });
  },
);

test('httpSubscriptionLink is told why it has to try again, which it does after a 503', async () => {
  await using server = await startTestServer({
    containers: {
      followLogs: async () => Promise.reject(new AppError('SERVICE_UNAVAILABLE', 'It is off')),
    },
  });
  const states: unknown[] = [];
  const { followLogs } = createSubscriber(server.url).containers;
  const subscription = followLogs.subscribe(
    { name: 'nginx' },
    { onConnectionStateChange: (state) => states.push(state) },
  );
  await expect
    .poll(() => states)
    .toContainEqual(
      expect.objectContaining({
        state: 'connecting',
        error: expect.objectContaining({ message: 'It is off' }),
      }),
    );
  subscription.unsubscribe();
});
