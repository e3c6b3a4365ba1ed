import { request } from 'node:http';
import { expect, test, vi } from 'vitest';
import { createSource } from '../testing/stream.test-support.ts';
import { nginx, startTestServer } from '../testing/test-server.test-support.ts';

const input = encodeURIComponent('{"name":"nginx"}');

const pollOptions = { timeout: 120_000, interval: 10 };

test.each([
  ['a read', '/containers/nginx/status'],
  ['a read over tRPC', `/trpc/containers.status?input=${input}`],
  ['a stream', '/containers/nginx/logs/stream'],
  ['a stream over tRPC', `/trpc/containers.followLogs?input=${input}`],
])(
  '%s of a caller who left while the token was checked is not wanted from its start',
  async (_, path) => {
    const wereGone: (boolean | undefined)[] = []; // when the service was called
    let admit = () => {};
    const admitted = new Promise<void>((resolve) => {
      admit = resolve;
    });
    let waiting = 0;
    await using server = await startTestServer(
      {
        containers: {
          status: async (_name, { signal } = {}) => {
            wereGone.push(signal?.aborted);
            return nginx;
          },
          followLogs: async (_name, { signal } = {}) => {
            wereGone.push(signal?.aborted);
            return createSource();
          },
        },
      },
      {
        authenticate: async () => {
          waiting += 1;
          await admitted;
          return {
            sub: 'a',
            clientId: 'test',
            scopes: ['read'],
            expiresAt: '2030-01-01T00:00:00.000Z',
          };
        },
      },
    );
    const caller = request(`${server.url}${path}`, { agent: false }).end();
    caller.once('error', () => {}); // which says that it left
    await vi.waitFor(() => expect(waiting).toBe(1), pollOptions);
    caller.destroy();
    await vi.waitFor(async () => expect(await server.countConnections()).toBe(0), pollOptions);
    await server.ask('/healthz'); // by its answer all that goes with a lost connection has happened
    admit();
    await vi.waitFor(() => expect(wereGone).toEqual([true]), pollOptions);
  },
);
