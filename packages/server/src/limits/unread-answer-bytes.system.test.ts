// Readers who take nothing: what they may hold, for how long, and that they cost nobody else anything.

import { connect, type Socket } from 'node:net';
import { toLogText } from '@ondemand/core';
import { expect, test, vi } from 'vitest';
import { startTestServer } from '../testing/test-server.test-support.ts';

const pollOptions = { timeout: 120_000 };
const megabyte = Buffer.alloc(1024 * 1024, 'x\n');

/** A server with a log of eight megabytes for each who asks, of which readers may hold ten each. */
function startServer(options: { readonly unreadMs?: number } = {}) {
  return startTestServer(
    {
      containers: {
        logs: async (container, { lines = 100 } = {}) => ({
          container,
          lines,
          logs: toLogText(Array.from({ length: 8 }, () => megabyte)),
        }),
      },
    },
    { answerBudget: { perSubject: 10e6, inAll: 20e6 }, ...options },
  );
}

/** Asks for a log, and reads no byte of the answer. */
async function askWithoutReading(url: string, token: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.pause();
  socket.write(
    `GET /containers/nginx/logs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`,
  );
  return socket;
}

test('a subject whose answers lie unread gets no more of them, others do, and it does again once they are read', async () => {
  await using server = await startServer();
  const socket = await askWithoutReading(server.url, 'read');
  await vi.waitFor(async () => {
    const refused = await server.ask('/containers/nginx/logs', { as: 'read' });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await refused.json()).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      details: { reason: 'TOO_MANY_BYTES' },
    });
  }, pollOptions);
  const other = await server.ask('/containers/nginx/logs', { as: 'admin' });
  expect(await other.json()).toMatchObject({ logs: expect.stringMatching(/^x\nx\n/) });
  socket.destroy();
  await vi.waitFor(async () => {
    const again = await server.ask('/containers/nginx/logs', { as: 'read' });
    expect(again.status).toBe(200);
    await again.text();
  }, pollOptions);
});

test('a reader who takes nothing is dropped, and what was held for it is free', async () => {
  await using server = await startServer({ unreadMs: 50 });
  const socket = await askWithoutReading(server.url, 'read');
  await vi.waitFor(async () => expect(await server.countConnections()).toBe(1), pollOptions);
  await vi.waitFor(async () => expect(await server.countConnections()).toBe(0), pollOptions);
  socket.destroy();
  await vi.waitFor(async () => {
    expect((await server.ask('/containers/nginx/logs', { as: 'read' })).status).toBe(200);
  }, pollOptions);
});

test('a tRPC answer counts until it is read as well', async () => {
  await using server = await startServer();
  const input = encodeURIComponent('{"name":"nginx"}');
  const ask = () => server.ask(`/trpc/containers.logs?input=${input}`, { as: 'read' });
  const unread = await ask();
  expect(unread.status).toBe(200);
  const refused = await ask();
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ error: { data: { code: 'SERVICE_UNAVAILABLE' } } });
  expect((await unread.text()).length).toBeGreaterThan(8e6);
  await vi.waitFor(async () => {
    const answer = await ask();
    expect((await answer.text()).length).toBeGreaterThan(8e6);
  }, pollOptions);
});
