// Writes the generated parts of the docs, or with --check fails when they are not what the code says.

import { readFile, writeFile } from 'node:fs/promises';
import { listVariables, toMarkdownTable } from '../packages/server/dist/config-help.js';
import { root } from './run.mjs';

const parts = { variables: toMarkdownTable(listVariables()) };

const file = `${root}README.md`;
const before = await readFile(file, 'utf8');
const after = Object.entries(parts).reduce(fill, before);
if (after !== before && process.argv.includes('--check')) {
  process.stderr.write('README.md is not what the code says; run `pnpm readme`\n');
  process.exitCode = 1;
} else {
  await writeFile(file, after);
}

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
function fill(text, [name, content]) {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const start = text.indexOf(open);
  const end = text.indexOf(close);
  if (start < 0 || end < start) throw new Error(`README.md lacks its part ${open} … ${close}`);
  return `${text.slice(0, start + open.length)}\n${content}\n${text.slice(end)}`;
}
