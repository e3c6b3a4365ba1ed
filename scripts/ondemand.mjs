// `pnpm ondemand …`: the workspace's CLI, built first.

import { build, run } from './run-installed-tool.mjs';

const cli = ['apps/cli/bin/ondemand.js', ...process.argv.slice(2)];
process.exitCode = (await build('@ondemand/cli')) || (await run('node', cli));
