// What a browser's page needs of a stream behind a proxy: the npm package `eventsource` is one by the standard, and any answer but 200 closes it for good.

import { EventSource } from 'eventsource';
import { expect } from 'vitest';
import { startServerHere } from './start-api-in-this-process.ts';
import { type ProxyKind, startProxy } from './start-proxy.ts';
import { startApp } from './start-sandbox-and-api.ts';
import { until } from './until.ts';

/** Restarts an API behind the proxy: the reader of its events is connected again, and told that it may have missed something. */
export async function expectStreamOutlivesRestart(kind: ProxyKind): Promise<void> {
  await using app = await startApp();
  const port = Number(new URL(app.url).port);
  await using proxy = await startProxy(kind, { targetPort: port });
  const source = new EventSource(`${proxy.url}/events`, {
    fetch: (input, init) =>
      fetch(input, {
        ...init,
        headers: { ...init?.headers, authorization: `Bearer ${app.tokens.read}` },
      }),
  });
  try {
    const ready: string[] = [];
    const resyncs: string[] = [];
    source.addEventListener('ready', ({ lastEventId }) => ready.push(lastEventId));
    source.addEventListener('resync', ({ lastEventId }) => resyncs.push(lastEventId));
    await until('the stream to open', () => ready.length === 1);
    expect(ready[0]).not.toBe('');
    expect(await app.server.stop()).toBe(0);
    await using _ = await startServerHere({ ...app.sandbox.env, PORT: String(port) });
    await until('the stream to open again', () => ready.length === 2);
    await until('a resync', () => resyncs.length > 0);
    expect(source.readyState).toBe(source.OPEN);
  } finally {
    source.close();
  }
}
