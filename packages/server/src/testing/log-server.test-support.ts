// A server whose followed log the test drives, with the paths to that log and a count of how fast it is read.

import { AppError } from '@ondemand/core';
import { expect, vi } from 'vitest';
import { createSource, type Source, type toLine } from './stream.test-support.ts';
import { startTestServer } from './test-server.test-support.ts';

export const logs = '/containers/nginx/logs/stream';
export const tRpcLogs = `/trpc/containers.followLogs?input=${encodeURIComponent('{"name":"nginx"}')}`;

type Lines = Source<readonly ReturnType<typeof toLine>[]>;

/** Gives `source` for every container but `ngnix`, which is not there. */
export async function startLogServer(options: Parameters<typeof startTestServer>[1] = {}) {
  let source: Lines = createSource();
  const asked: { name: string; options: Record<string, unknown> }[] = [];
  let signal: AbortSignal | undefined;
  const server = await startTestServer(
    {
      containers: {
        followLogs: async (name, { signal: given, ...rest } = {}) => {
          asked.push({ name, options: rest });
          signal = given;
          if (name === 'ngnix') throw new AppError('NOT_FOUND', `No container named '${name}'`);
          return source;
        },
      },
    },
    options,
  );
  return {
    ...server,
    asked,
    get source() {
      return source;
    },
    isAborted: () => signal?.aborted,
    /** For the next test: a source of its own, and nothing asked. */
    renew() {
      source = createSource();
      asked.length = 0;
      signal = undefined;
    },
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

/** How often it was asked, once it no longer is. */
export async function askedWhenStill(source: Lines): Promise<number> {
  let seen = -1;
  await vi.waitFor(
    () => {
      const before = seen;
      seen = source.asked;
      expect(seen).toBe(before);
    },
    { interval: 200, timeout: 120_000 },
  );
  return seen;
}
