// Runs turbo without telemetry: `node scripts/turbo.mjs build types`.

import { run } from './run-installed-tool.mjs';

process.exitCode = await run('turbo', [
  'run',
  ...process.argv.slice(2),
  '--output-logs=errors-only',
]);
