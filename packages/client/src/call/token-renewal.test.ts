// A token that the API refuses is replaced once by the token function, for calls and for streams.

import { expect, test } from 'vitest';
import { createClient } from '../client.ts';
import type { TokenRequest } from '../options.ts';
import {
  failure,
  result,
  type SeenRequest,
  startCannedApi,
} from '../testing/canned-api.test-support.ts';
import { openStream, startCannedStreams } from '../testing/canned-stream.test-support.ts';
import { rejectionOf } from '../testing/rejection.test-support.ts';
import { collect, collectUntilError, follow } from '../testing/subscription.test-support.ts';

const refusal = failure(401, {
  code: 'UNAUTHORIZED',
  error: 'x',
  message: 'The token was revoked',
});

const tokenOf = ({ headers }: SeenRequest) => headers.authorization?.replace('Bearer ', '');

/** An API that takes `new` alone. */
function startStrictApi() {
  return startCannedApi((request) => (tokenOf(request) === 'new' ? result('done') : refusal));
}

/** Gives `old`, and `next` once that was refused. */
function createTokens(next: string) {
  const asked: (string | undefined)[] = [];
  return {
    asked,
    async token({ refused }: TokenRequest) {
      asked.push(refused);
      return refused === undefined ? 'old' : next;
    },
  };
}

test('a call that is refused with 401 is sent once more with another token', async () => {
  await using api = await startStrictApi();
  const { token, asked } = createTokens('new');
  const client = createClient({ url: api.url, token });
  expect(await client.containers.restart.mutate({ name: 'nginx' })).toBe('done');
  expect(asked).toEqual([undefined, 'old']);
  expect(api.requests.map(tokenOf)).toEqual(['old', 'new']);
  expect(api.requests[1]?.body).toBe(api.requests[0]?.body);
});

test.each([
  ['has no other token', createTokens('old').token, 1],
  ['looks at nothing', () => 'old', 1],
  ['gives one that is refused too', createTokens('worse').token, 2],
  ['is a string', 'old', 1],
])('the refusal is thrown when the token source %s', async (_what, token, sent) => {
  await using api = await startStrictApi();
  const error = await rejectionOf(createClient({ url: api.url, token }).vm.status.query());
  expect(error).toMatchObject({ code: 'UNAUTHORIZED', message: 'The token was revoked' });
  expect(api.requests).toHaveLength(sent);
});

test('other failures than a 401 ask for no other token', async () => {
  const forbidden = failure(403, { code: 'FORBIDDEN', error: 'x', message: 'no' });
  await using api = await startCannedApi(() => forbidden);
  const { token, asked } = createTokens('new');
  await rejectionOf(createClient({ url: api.url, token }).vm.status.query());
  expect(asked).toEqual([undefined]);
});

test('a call whose token cannot be replaced rejects with that reason, and did nothing', async () => {
  await using api = await startStrictApi();
  const cause = new Error('The issuer is down');
  const token = ({ refused }: TokenRequest) => {
    if (refused !== undefined) throw cause;
    return 'old';
  };
  const error = await rejectionOf(createClient({ url: api.url, token }).vm.start.mutate());
  expect(error).toMatchObject({ code: 'TOKEN_ERROR', cause });
  expect(error.details).toEqual({});
});

test('a stream that is refused when it is opened, or opened again, goes on with another token', async () => {
  let count = 0;
  await using api = await startCannedApi((request) => {
    count += 1;
    if (count === 3) return refusal; // its token was good and has been revoked since
    if (tokenOf(request) === 'old') return refusal;
    return (response) => {
      const stream = openStream(request, response);
      stream.item(String(count), count);
      if (count === 2) stream.end();
      else stream.finish();
    };
  });
  let made = 0;
  const token = ({ refused }: TokenRequest) => {
    if (refused !== undefined) made += 1;
    return made === 0 ? 'old' : `new${made}`;
  };
  const { items } = follow(api.url, { client: { token } });
  expect(await collect(items)).toEqual([2, 4]);
  expect(api.requests.map(tokenOf)).toEqual(['old', 'new1', 'new1', 'new2']);
});

test('a stream whose new token is refused as well ends at once', async () => {
  await using api = await startCannedStreams((stream) => {
    stream.item('1', 1);
    stream.end();
  }, refusal);
  const { token } = createTokens('worse');
  const { items, reconnects } = follow(api.url, { client: { token } });
  const { given, error } = await collectUntilError(items);
  expect(given).toEqual([1]);
  expect(error.code).toBe('UNAUTHORIZED');
  expect(reconnects).toHaveLength(1);
  expect(api.requests.map(tokenOf)).toEqual(['old', 'old', 'worse']);
});

test('a token function that says its failure is final ends a stream at once', async () => {
  await using api = await startCannedStreams((stream) => {
    stream.item('1', 1);
    stream.end();
  });
  const cause = Object.assign(new Error('Log in again'), { final: true });
  let isOver = false;
  const token = () => {
    if (isOver) throw cause;
    isOver = true;
    return 'old';
  };
  const { items, reconnects } = follow(api.url, { client: { token } });
  const { error } = await collectUntilError(items);
  expect(error).toMatchObject({ code: 'TOKEN_ERROR', cause });
  expect(reconnects).toHaveLength(1);
});
