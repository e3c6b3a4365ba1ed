// How much the fuzz lane tries, and from which seed: always the same few cases in the ordinary run, many new ones by `pnpm test:fuzz`.

import { relative } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, vi } from 'vitest';
import { recordFigures } from '../reliability/record-figures.ts';

const { FUZZ_RUNS, FUZZ_SEED, FUZZ_PATH } = process.env;
const shortRuns = 6;
const shortSeed = 17;

// A failure prints its seed and path; with both, and vitest's `-t`, it is tried again.
// Without a seed each property takes one of its own: with the same one all operations would be tried in the same way.
const seed = FUZZ_SEED ?? (FUZZ_RUNS === undefined ? shortSeed : undefined);

const found: number[] = [];
const count: fc.UniversalPlugin = () => ({
  onAllRunsComplete({ numRuns }) {
    found.push(numRuns);
  },
});

fc.configureGlobal({
  numRuns: Number(FUZZ_RUNS ?? shortRuns),
  ...(seed !== undefined && { seed: Number(seed) }),
  ...(FUZZ_PATH !== undefined && { path: FUZZ_PATH }),
});

fc.installGlobalPlugin(count);

if (FUZZ_RUNS !== undefined) vi.setConfig({ testTimeout: 2 * 3_600_000 });

afterAll(() => {
  if (found.length === 0) return; // no file of properties
  const { testPath = '' } = expect.getState();
  const cases = found.reduce((sum, each) => sum + each, 0);
  const head = ['file', 'properties', 'cases'];
  const rows = [[relative(process.cwd(), testPath), found.length, cases]];
  recordFigures('fuzz', { tables: [{ head, rows }] });
});
