import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tests/src/**/*.test.ts'],
    setupFiles: ['tests/src/support/strict-process.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Tests wait more than they work, so one a core is not too many; vitest's own choice on two cores is one.
    maxWorkers: '100%',
  },
});
