// How much the fuzz lane tries, and from which seed: always the same few cases in the ordinary run, many new ones by `pnpm test:fuzz`.

import { relative } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, vi } from 'vitest';
import { recordFigures } from '../reliability/figures.ts';

const { FUZZ_RUNS, FUZZ_SEED, FUZZ_PATH } = process.env;
const shortRuns = 6;
const shortSeed = 17;

// A failure prints its seed and path; with both, and vitest's `-t`, it is tried again.
const seed = Number(FUZZ_SEED ?? (FUZZ_RUNS === undefined ? shortSeed : Date.now() % 2 ** 31));

const found: number[] = [];
const count: fc.UniversalPlugin = () => ({
  onAllRunsComplete({ numRuns }) {
    found.push(numRuns);
  },
});

fc.configureGlobal({
  numRuns: Number(FUZZ_RUNS ?? shortRuns),
  seed,
  ...(FUZZ_PATH !== undefined && { path: FUZZ_PATH }),
});

fc.installGlobalPlugin(count);

if (FUZZ_RUNS !== undefined) vi.setConfig({ testTimeout: 2 * 3_600_000 });

afterAll(() => {
  const { testPath = '' } = expect.getState();
  const cases = found.reduce((sum, each) => sum + each, 0);
  const head = ['file', 'properties', 'cases', 'seed'];
  const rows = [[relative(process.cwd(), testPath), found.length, cases, seed]];
  recordFigures('fuzz', { tables: [{ head, rows }] });
});
