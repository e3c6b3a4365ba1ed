// Writes the table in docs/configuration.md and ondemand.env.example, or with --check fails when they are not what the code says.

import { readFile, writeFile } from 'node:fs/promises';
import { listVariables, toEnvFile, toMarkdownTable } from '../packages/server/dist/config/help.js';
import { root } from './run-installed-tool.mjs';

await generate('docs/configuration.md', (before) =>
  fill(before, 'variables', toMarkdownTable(listVariables())),
);
await generate('ondemand.env.example', () => toEnvFile(listVariables()));

async function generate(name, write) {
  const before = await readFile(root + name, 'utf8').catch(() => '');
  const after = write(before);
  if (after === before) return;
  if (process.argv.includes('--check')) {
    process.stderr.write(`${name} is not what the code says; run \`pnpm config-docs\`\n`);
    process.exitCode = 1;
  } else {
    await writeFile(root + name, after);
  }
}

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
function fill(text, name, content) {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const start = text.indexOf(open);
  const end = text.indexOf(close);
  if (start < 0 || end < start) throw new Error(`the part ${open} … ${close} is missing`);
  return `${text.slice(0, start + open.length)}\n${content}\n${text.slice(end)}`;
}
