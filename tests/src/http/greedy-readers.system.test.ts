// All that three read tokens can ask for at once, and what it costs the others: nothing.

import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { forgetPeak, readPeakBytes } from '../support/memory.ts';
import { type App, startApp } from '../support/start-app.ts';

const secret = 'pl4nted-s3cret-value';

/** A container of hundreds of variables, as many labels, and a log of one megabyte. */
function addGreedyContainer({ sandbox }: App): void {
  const env = Array.from({ length: 500 }, (_, n) => `V${n}=value-${n}-${'x'.repeat(100)}`);
  sandbox.vm.engine.add({
    name: 'big',
    env: [...env, `TOKEN=${secret}`, 'ENABLE=true'],
    labels: {
      'traefik.enable': 'true',
      note: `runs with ${secret}`,
      ...Object.fromEntries(env.map((entry, n) => [`label-${n}`, entry])),
    },
  });
  sandbox.vm.engine.appendLog('big', 'stdout', `${'l'.repeat(1599)}\n`.repeat(625));
}

const attacks = [
  ...Array.from({ length: 10 }, (_, n) => `/containers/big/logs?lines=${10_000 - n}`),
  ...Array.from({ length: 6 }, () => '/containers/big/inspect'),
  ...Array.from({ length: 10 }, () => '/containers/big/logs/stream?tail=all'),
  ...Array.from({ length: 20 }, () => '/events'),
  ...Array.from({ length: 10 }, (_, n) => `/jobs/20260101T000000Z-0000${1000 + n}`),
  ...Array.from({ length: 3 }, () => `/trpc/containers.logs?input={"name":"big","lines":10000}`),
];

/** Asks, and takes no byte of the answer. */
function askWithoutReading(url: string, token: string, path: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.pause();
  const head = [
    `GET ${encodeURI(path)} HTTP/1.1`,
    'host: x',
    'accept: */*',
    `authorization: Bearer ${token}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  return socket;
}

/** The slowest but one of a hundred, in milliseconds. */
async function measureHealth(app: App): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < 100; count += 1) {
    const begunMs = performance.now();
    await (await app.get('/healthz', { token: 'none' })).text();
    times.push(performance.now() - begunMs);
  }
  return times.sort((a, b) => a - b).at(98) ?? 0;
}

test('every attack of three readers at once leaves memory, health and the actions of others as they were', async () => {
  await using app = await startApp({ env: { RATE_LIMIT_PER_MINUTE: '600' } });
  addGreedyContainer(app);
  for (const path of ['/containers/big/inspect', '/containers/big/logs?lines=10000'])
    await (await app.get(path)).text();
  const idleMs = await measureHealth(app);
  await forgetPeak(app.server.pid);
  const beforeBytes = await readPeakBytes(app.server.pid);

  const readers = ['ann', 'bob', 'cid'].map((sub) =>
    app.sandbox.oidc.sign({ sub, client_id: sub, scope: 'read' }),
  );
  const sockets = attacks.flatMap((path) =>
    readers.map((token) => askWithoutReading(app.url, token, path)),
  );
  const refusals = readers.flatMap((token) =>
    Array.from({ length: 10 }, () => app.post('/vm/stop', { token })),
  );
  const [underAttackMs] = await Promise.all([
    measureHealth(app),
    ...refusals.map(async (refusal) => expect((await refusal).status).toBe(403)),
    (async () => {
      expect(await (await app.get('/containers')).text()).toContain('"big"'); // of a fourth reader
      for (const path of ['/containers/nginx/restart', '/containers/nginx/rebuild']) {
        const answer = await app.post(path);
        expect([path, answer.status, await answer.text()]).toEqual([path, 200, expect.anything()]);
      }
      const inspected = await (await app.get('/containers/big/inspect')).text();
      expect(inspected).toContain('"traefik.enable":"true"');
      expect(inspected).toContain('"note":"runs with ***"');
      expect(inspected).not.toContain('value-');
      const log = await app.get('/containers/nginx/logs');
      expect([log.status, await log.text()]).toEqual([200, expect.anything()]);
      expect(app.server.logs().filter(({ level }) => Number(level) >= 50)).toEqual([]);
      expect((await app.post('/vm/stop')).status).toBe(200); // what is read still fails then
    })(),
  ]);
  const grownBytes = (await readPeakBytes(app.server.pid)) - beforeBytes;
  for (const socket of sockets) socket.destroy();

  expect(grownBytes).toBeLessThan(100e6);
  expect(underAttackMs / idleMs).toBeLessThan(100);
  expect(app.server.output()).not.toContain(secret);
}, 240_000);
