import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tests/src/**/*.test.ts'],
    setupFiles: ['tests/src/support/strict-process.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
