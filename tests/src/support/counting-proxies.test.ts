// The bench's counts are only as true as what counts.

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startConnectionProxy, startEngineProxy } from './counting-proxies.ts';
import { createHttpClient } from './http-client.ts';

test('startEngineProxy() counts requests, not connections, and passes the answers on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-counting-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const engine = await listen({ path: join(folder, 'engine.sock') });
  await using proxy = await startEngineProxy(join(folder, 'counted.sock'), engine.path);
  using client = createHttpClient({ target: { socketPath: proxy.socketPath } });

  expect(String(await client.get('/one'))).toBe('GET /one');
  expect(String(await client.get('/two'))).toBe('GET /two');
  await Promise.all([client.get('/three'), client.get('/three')]);

  expect(proxy.requests).toEqual(['GET /one', 'GET /two', 'GET /three', 'GET /three']);
  expect(engine.requests()).toBe(4);
});

test('startConnectionProxy() counts connections, not what goes over them', async () => {
  const target = await listen({ host: '127.0.0.1', port: 0 });
  await using proxy = await startConnectionProxy(target.port);
  expect(proxy.count).toBe(0);
  for (const connections of [1, 2]) {
    using client = createHttpClient({ target: { host: '127.0.0.1', port: proxy.port } });
    await client.get('/');
    expect(String(await client.get('/again'))).toBe('GET /again');
    expect(proxy.count).toBe(connections);
  }
});

async function listen(where: { path: string } | { host: string; port: number }) {
  let requests = 0;
  const server = createServer(({ method, url }, response) => {
    requests += 1;
    response.end(`${method} ${url}`);
  });
  await new Promise<void>((resolve) => server.listen(where, resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return {
    path: typeof address === 'string' ? address : '',
    port: typeof address === 'object' && address !== null ? address.port : 0,
    requests: () => requests,
  };
}
