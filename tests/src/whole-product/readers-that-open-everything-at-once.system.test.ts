// All that three read tokens can ask for at once, and what it costs the others: nothing.

import { expect, test } from 'vitest';
import { forgetPeak, readPeakBytes } from '../support/memory.ts';
import {
  measureHealth,
  plantedSecret,
  prepareGreedyReads,
  startGreedyReads,
  toP99,
} from '../support/open-everything-at-once.ts';
import { startServer } from '../support/start-api-process.ts';
import { startApp } from '../support/start-sandbox-and-api.ts';

test('every attack of three readers at once leaves memory, health and the actions of others as they were', async () => {
  // In a small heap no garbage piles up when a busy machine delays its collection: what grows is what is held.
  const NODE_OPTIONS = '--max-old-space-size=96 --max-semi-space-size=2';
  await using app = await startApp({ env: { RATE_LIMIT_PER_MINUTE: '600', NODE_OPTIONS } });
  // Measured at the same time, so that other work of the machine makes both slow.
  await using unattacked = await startServer(app.sandbox.env);
  await prepareGreedyReads(app);
  await forgetPeak(app.server.pid);
  const beforeBytes = await readPeakBytes(app.server.pid);

  using readers = startGreedyReads(app);
  const refusals = readers.tokens.flatMap((token) =>
    Array.from({ length: 10 }, () => app.post('/vm/stop', { token })),
  );
  const [underAttack, meanwhile] = await Promise.all([
    measureHealth(app),
    measureHealth(unattacked),
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
  expect(toP99(underAttack) / toP99(meanwhile)).toBeLessThan(100);
  expect(app.server.output()).not.toContain(plantedSecret);
});
