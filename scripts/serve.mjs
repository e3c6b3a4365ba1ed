// `pnpm serve`: builds and runs the API against the real world, from the environment.

import { run } from './run.mjs';

const built = await run(
  'turbo',
  ['run', 'build', '--filter=@ondemand/server', '--output-logs=errors-only'],
  { stdout: 'stderr' },
);
process.exitCode =
  built === 0
    ? await run('node', ['packages/server/bin/ondemand-server.js', ...process.argv.slice(2)])
    : built;
