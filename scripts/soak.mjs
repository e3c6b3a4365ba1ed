// `pnpm test:soak [--minutes N] [--write]`: builds, then soaks; exits with 1 when something grew or was answered wrongly. `--write` puts figures and plot into docs/reliability.md.

import { build, run } from './run.mjs';

process.exitCode =
  (await build()) ||
  // Compiled, so that nothing of a test runner is in the process that measures.
  (await run('node', ['node_modules/typescript/bin/tsc', '-p', 'tests/src/soak/tsconfig.json'])) ||
  (await run('node', ['tests/dist/soak/main.js', ...process.argv.slice(2)]));
