// `pnpm bench [NAME…] [--write]`: builds, then runs the benches; exits with 1 when one misses a target.

import { parseArgs } from 'node:util';
import { run } from './run.mjs';

/** By name: the page that shows its table, which `--write` puts there. */
const benches = { transport: 'docs/transport.md' };

process.exitCode = await main();

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { write: { type: 'boolean', default: false } },
  });
  const unknown = positionals.filter((name) => !Object.hasOwn(benches, name));
  if (unknown.length > 0) {
    process.stderr.write(`No bench ${unknown.join(', ')}; there is ${Object.keys(benches)}\n`);
    return 2;
  }
  const packages = ['server', 'client', 'sandbox'].map((name) => `--filter=@ondemand/${name}`);
  const steps = [
    ['turbo', ['run', 'build', '--output-logs=errors-only', ...packages]],
    // Compiled, so that nothing of a test runner is in the process that measures.
    ['node', ['node_modules/typescript/bin/tsc', '-p', 'tests/src/bench/tsconfig.json']],
  ];
  for (const [tool, args] of steps) {
    const code = await run(tool, args);
    if (code !== 0) return code;
  }
  let worst = 0;
  for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
    const write = values.write ? ['--write', benches[name]] : [];
    worst = Math.max(worst, await run('node', [`tests/dist/bench/${name}.js`, ...write]));
  }
  return worst;
}
