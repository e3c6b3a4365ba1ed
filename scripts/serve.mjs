// `pnpm serve`: builds and runs the API against the real world, from the environment.

import { build, run } from './run.mjs';

// Behind `--`, or Node 20 takes `--env-file` for its own.
const server = ['--', 'packages/server/bin/ondemand-server.js', ...process.argv.slice(2)];
process.exitCode = (await build('@ondemand/server')) || (await run('node', server));
