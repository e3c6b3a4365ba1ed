// What a call makes of a connection that gives no answer: refused, cut, or given up by `fetch` itself.

import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createClient } from '../client.ts';
import { startCannedApi } from '../testing/canned-api.test-support.ts';
import { findClosedPort, portOf } from '../testing/port.test-support.ts';
import { expectRejection, rejectionOf, unknownOutcome } from '../testing/rejection.test-support.ts';

describe('no answer', () => {
  test('a refused connection is a NETWORK_ERROR, after which nothing can have happened', async () => {
    const url = `http://127.0.0.1:${await findClosedPort()}`;
    const expected = {
      code: 'NETWORK_ERROR',
      message:
        /^Could not reach http:.*\(ECONNREFUSED\); check the url and that the API runs there$/,
      details: { reason: 'ECONNREFUSED' },
    } as const;
    const error = await expectRejection(createClient({ url }).vm.status.query(), expected);
    expect(error.cause).toBeInstanceOf(TypeError);
    await expectRejection(createClient({ url }).vm.start.mutate(), expected);
  });

  test.each(['SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])(
    'a certificate that Node does not trust (%s) names NODE_EXTRA_CA_CERTS, and nothing can have happened',
    async (code) => {
      const failing = () => {
        throw new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) });
      };
      const client = createClient({ url: 'https://api.example.com', fetch: failing });
      const error = await rejectionOf(client.vm.start.mutate());
      expect(error.message).toMatch(new RegExp(`\\(${code}\\);.*set NODE_EXTRA_CA_CERTS`));
      expect(error.details).toEqual({ reason: code });
    },
  );

  test('a connection cut before the answer leaves the outcome of a mutation unknown', async () => {
    await using api = await startCannedApi(() => 'reset');
    const { vm } = createClient({ url: api.url });
    await expectRejection(vm.status.query(), {
      code: 'NETWORK_ERROR',
      message: /the connection broke \(ECONNRESET\); check the url/,
      details: { reason: 'ECONNRESET' },
    });
    await expectRejection(vm.stop.mutate(), {
      code: 'NETWORK_ERROR',
      message: unknownOutcome,
      details: { reason: 'ECONNRESET', outcome: 'unknown' },
    });
  });

  test('a body cut in its middle is a NETWORK_ERROR', async () => {
    const rawServer = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"result":{"data":1}}');
      });
    });
    await new Promise<void>((resolve) => rawServer.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${portOf(rawServer)}`;
      const error = await rejectionOf(createClient({ url }).vm.status.query());
      expect(error).toMatchObject({ code: 'NETWORK_ERROR', status: undefined });
    } finally {
      await new Promise((resolve) => rawServer.close(resolve));
    }
  });

  test('a timeout of `fetch` itself is a TIMEOUT too', async () => {
    const cause = Object.assign(new Error('Headers Timeout Error'), {
      code: 'UND_ERR_HEADERS_TIMEOUT',
    });
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }));
    const client = createClient({ url: 'http://127.0.0.1', fetch });
    await expectRejection(client.containers.rebuild.mutate({ name: 'app' }), {
      code: 'TIMEOUT',
      message: unknownOutcome,
      details: { reason: 'UND_ERR_HEADERS_TIMEOUT', outcome: 'unknown' },
    });
  });

  test('an unexplained failure of `fetch`, as browsers have it, is a NETWORK_ERROR', async () => {
    const fetch = () => Promise.reject(new TypeError('Failed to fetch'));
    const client = createClient({ url: 'http://127.0.0.1', fetch });
    await expectRejection(client.vm.status.query(), {
      code: 'NETWORK_ERROR',
      message: /^Could not reach http:\/\/127\.0\.0\.1, or the connection broke; check the url/,
    });
  });
});
