// `pnpm check`: format, lint, types, and generated files that are what the code says.

import { run } from './run-installed-tool.mjs';

const steps = [
  ['biome', ['ci', '--error-on-warnings', '.']],
  ['turbo', ['run', 'build', 'types', '--output-logs=errors-only']],
  ['node', ['scripts/openapi.mjs', '--check']],
  ['node', ['scripts/write-configuration-docs.mjs', '--check']],
];

for (const [tool, args] of steps) {
  const code = await run(tool, args);
  if (code !== 0) process.exit(code);
}
