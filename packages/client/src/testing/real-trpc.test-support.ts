// tRPC's own server with a subscription, so that the format is its and not what we take it for.

import type { AddressInfo } from 'node:net';
import { initTRPC, TRPCError } from '@trpc/server';
import { createHTTPServer } from '@trpc/server/adapters/standalone';

export interface FollowInput {
  readonly lastEventId?: string;
}

export interface RealTrpc extends AsyncDisposable {
  readonly url: string;
  /** Cuts all connections. */
  cut(): void;
}

/** Serves `containers.followLogs` with a ping every 20 ms; listens on a free port of 127.0.0.1 until it is disposed. */
export async function startRealTrpc(
  give: (input: FollowInput | undefined) => AsyncIterable<unknown>,
): Promise<RealTrpc> {
  const t = initTRPC.create({
    isDev: false,
    sse: { ping: { enabled: true, intervalMs: 20 } },
    errorFormatter: ({ shape, error }) => ({
      ...shape,
      data: {
        error: 'The fixed text',
        code: error.code,
        message: error.message,
        details: { requestId: 'r-1' },
        httpStatus: shape.data.httpStatus,
      },
    }),
  });
  const followLogs = t.procedure
    .input((input) => input as FollowInput | undefined) // the test knows what it sends
    .subscription(async ({ input }) => give(input));
  const server = createHTTPServer({
    router: t.router({ containers: t.router({ followLogs }) }),
    basePath: '/trpc/',
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // of a TCP server that listens
  return {
    url: `http://127.0.0.1:${port}`,
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function notFound(message: string): Error {
  return new TRPCError({ code: 'NOT_FOUND', message });
}
