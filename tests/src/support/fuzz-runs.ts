// How much the fuzz lane tries, and from which seed: always the same few cases in the ordinary run, many new ones by `pnpm test:fuzz`.

import * as fc from 'fast-check';
import { vi } from 'vitest';

const { FUZZ_RUNS, FUZZ_SEED, FUZZ_PATH } = process.env;
const shortRuns = 6;
const shortSeed = 17;

// A failure prints its seed and path; with both, and vitest's `-t`, it is tried again.
fc.configureGlobal({
  numRuns: Number(FUZZ_RUNS ?? shortRuns),
  ...(FUZZ_SEED !== undefined
    ? { seed: Number(FUZZ_SEED) }
    : FUZZ_RUNS === undefined && { seed: shortSeed }),
  ...(FUZZ_PATH !== undefined && { path: FUZZ_PATH }),
});

if (FUZZ_RUNS !== undefined) vi.setConfig({ testTimeout: 2 * 3_600_000 });
