// `pnpm ondemand …`: the workspace's CLI, built first.

import { run } from './run.mjs';

const built = await run(
  'turbo',
  ['run', 'build', '--filter=@ondemand/cli', '--output-logs=errors-only'],
  { stdout: 'stderr' },
);
process.exitCode =
  built === 0 ? await run('node', ['apps/cli/bin/ondemand.js', ...process.argv.slice(2)]) : built;
