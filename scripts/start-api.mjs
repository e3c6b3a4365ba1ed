// `pnpm serve`: builds and runs the API against the real world, from the environment.

import { build, run } from './run-installed-tool.mjs';

// The page is built on the client, and that on the server, so all three are built.
// Behind `--`, or Node 20 takes `--env-file` for its own.
const server = ['--', 'packages/server/bin/ondemand-server.js', ...process.argv.slice(2)];
process.exitCode = (await build('@ondemand/web')) || (await run('node', server));
