// `pnpm test:soak [--minutes N] [--write]`: builds, then soaks; exits with 1 when something grew or was answered wrongly. `--write` puts figures and plot into docs/reliability.md.

import { buildPrograms, run } from './run-installed-tool.mjs';

process.exitCode =
  (await buildPrograms()) ||
  (await run('node', ['tests/dist/soak/main.js', ...process.argv.slice(2)]));
