import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { endAtOnce } from '../testing/end-at-once.test-support.ts';
import { startTestServer } from '../testing/test-server.test-support.ts';

test('a connection on which nothing was ever asked does not hold up the end', async () => {
  const server = await startTestServer();
  const { hostname, port } = new URL(server.url);
  const silent = connect({ host: hostname, port: Number(port) });
  await once(silent, 'connect');
  await expect.poll(() => server.countConnections()).toBe(1);
  const gone = once(silent, 'close');
  silent.resume();
  await endAtOnce(server);
  await gone;
});

test('an idle connection is kept for a fraction of a second, too', async () => {
  await using server = await startTestServer({}, { keepAliveSeconds: 65.1 });
  expect((await server.ask('/healthz')).headers.get('keep-alive')).toBe('timeout=65');
});

test.each([
  ['whose first request has begun', ''],
  ['whose second request has begun', 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'],
])('a connection %s and whose headers never end does not hold up the end', async (_, before) => {
  const server = await startTestServer();
  const { hostname, port } = new URL(server.url);
  const slow = connect({ host: hostname, port: Number(port) });
  slow.write(before);
  if (before !== '') await once(slow, 'data');
  slow.write('GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ');
  await server.ask('/healthz'); // by its answer what was sent before has been read
  const gone = once(slow, 'close');
  slow.resume();
  await endAtOnce(server);
  await gone;
});

test.each([
  ['a new connection', false],
  ['a connection that was used before', true],
])('a request that was sent on %s as the end began is answered', async (_, isUsed) => {
  const server = await startTestServer();
  const { hostname, port } = new URL(server.url);
  const caller = connect({ host: hostname, port: Number(port) });
  await once(caller, 'connect');
  const request = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';
  if (isUsed) {
    caller.write(request);
    await once(caller, 'data');
  } else await expect.poll(() => server.countConnections()).toBe(1);
  const answer = text(caller);
  if (isUsed) caller.write(request); // lies in the kernel when the end begins
  const ended = server[Symbol.asyncDispose]();
  if (!isUsed) setImmediate(() => caller.write(request));
  expect(await answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*connection: close/i);
  await ended;
});

test('of many who connected at once as the end began, each is answered', async () => {
  const server = await startTestServer();
  const { hostname, port } = new URL(server.url);
  const callers = Array.from({ length: 60 }, () => connect({ host: hostname, port: Number(port) }));
  const answers = callers.map((caller) => text(caller).catch((error) => String(error)));
  await Promise.all(callers.map((caller) => once(caller, 'connect')));
  for (const caller of callers) caller.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
  await server[Symbol.asyncDispose]();
  for (const answer of answers) expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
});

test('one on which a request is under way is let end', async () => {
  let finish = () => {};
  const asked = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const server = await startTestServer({
    vm: {
      async status() {
        begin();
        await asked;
        return {
          vmId: 'oci-flex',
          lifecycleState: 'RUNNING',
          displayName: 'oci-flex',
          lastCheck: '2026-02-08T10:15:30.000Z',
        };
      },
    },
  });
  const answer = server.ask('/vm/status', { as: 'read' });
  await begun;
  const closed = server[Symbol.asyncDispose]();
  finish();
  expect((await answer).status).toBe(200);
  await closed;
});
