// `pnpm bench [--only PART,…] [--write]`: builds, then measures; exits with 1 when a target is missed. `--write` puts the report into docs/performance.md.

import { parseArgs } from 'node:util';
import { buildPrograms, run } from './run-installed-tool.mjs';

process.exitCode = await main();

async function main() {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, write: { type: 'boolean', default: false } },
  });
  if (values.write && values.only !== undefined) {
    process.stderr.write('--write needs the whole report, so it goes without --only\n');
    return 2;
  }
  const only = values.only === undefined ? [] : ['--only', values.only];
  const write = values.write ? ['--write', 'docs/performance.md'] : [];
  return (
    (await buildPrograms()) || (await run('node', ['tests/dist/bench/main.js', ...only, ...write]))
  );
}
