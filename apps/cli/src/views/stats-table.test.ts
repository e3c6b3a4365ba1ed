import { expect, test } from 'vitest';
import { createStyle } from '../output/style.ts';
import { sample } from '../testing/fixtures.test-support.ts';
import { toStatsTable } from './stats-table.ts';

test('a container that does not run is blank, one that idles is zero', () => {
  const idle = {
    ...sample,
    cpuPercent: 0,
    networkRxBytes: 0,
    networkTxBytes: 0,
    blockWriteBytes: 0,
  };
  const stopped = { ...idle, memoryBytes: 0, memoryLimitBytes: 0, pids: 0 };
  const table = toStatsTable([{ ...stopped, container: 'backup' }, idle], createStyle(false));
  expect(table).toMatch(/\nbackup\nnginx +0\.00% /);
});
