// All that three read tokens can ask for at once, and what it costs the others: nothing.

import { expect, test } from 'vitest';
import {
  measureHealth,
  plantedSecret,
  prepareGreedyReads,
  startGreedyReads,
  toP99,
} from '../support/greedy-readers.ts';
import { forgetPeak, readPeakBytes } from '../support/memory.ts';
import { startApp } from '../support/start-app.ts';

test('every attack of three readers at once leaves memory, health and the actions of others as they were', async () => {
  await using app = await startApp({ env: { RATE_LIMIT_PER_MINUTE: '600' } });
  await prepareGreedyReads(app);
  const idleMs = toP99(await measureHealth(app));
  await forgetPeak(app.server.pid);
  const beforeBytes = await readPeakBytes(app.server.pid);

  using readers = startGreedyReads(app);
  const refusals = readers.tokens.flatMap((token) =>
    Array.from({ length: 10 }, () => app.post('/vm/stop', { token })),
  );
  const [underAttack] = await Promise.all([
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

  expect(grownBytes).toBeLessThan(100e6);
  expect(toP99(underAttack) / idleMs).toBeLessThan(100);
  expect(app.server.output()).not.toContain(plantedSecret);
}, 240_000);
