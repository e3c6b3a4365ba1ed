// The short form of `pnpm test:soak`: whether all is answered rightly and recovers; growth needs longer.

import { expect, test } from 'vitest';
import { runSoak } from './soak.ts';

test('under a steady load a fault is followed by recovery, and nothing wrong is answered', async () => {
  const { samples, faults, answers, wrong } = await runSoak({
    ...{ faults: 3, intervalMs: 4_000, faultMs: 2_000, sampleMs: 500 },
  });
  expect(wrong).toEqual([]);
  expect(faults.map(({ recoveryMs }) => recoveryMs)).toHaveLength(3);
  expect(answers.get('GET /containers 200')).toBeGreaterThan(0);
  expect(answers.get('POST /containers/nginx/restart 200')).toBeGreaterThan(0);
  expect(samples.length).toBeGreaterThan(3);
});
