// Writes the generated parts of README.md and ARCHITECTURE.md, or with --check fails when they are not what the code says.

import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { listVariables, toMarkdownTable } from '../packages/server/dist/config-help.js';
import { root } from './run.mjs';

await generate('README.md', { variables: toMarkdownTable(listVariables()) });
await generate('ARCHITECTURE.md', { tree: await drawTree() });

async function generate(name, parts) {
  const before = await readFile(root + name, 'utf8');
  const after = Object.entries(parts).reduce(fill, before);
  if (after === before) return;
  if (process.argv.includes('--check')) {
    process.stderr.write(`${name} is not what the code says; run \`pnpm readme\`\n`);
    process.exitCode = 1;
  } else {
    await writeFile(root + name, after);
  }
}

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
function fill(text, [name, content]) {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const start = text.indexOf(open);
  const end = text.indexOf(close);
  if (start < 0 || end < start) throw new Error(`the part ${open} … ${close} is missing`);
  return `${text.slice(0, start + open.length)}\n${content}\n${text.slice(end)}`;
}

/** Each source file with the sentence that it opens with. */
async function drawTree() {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => /^(packages|apps|tests|scripts)\/.*\.(ts|mjs)$/.test(file))
    .filter((file) => !/\.test(-support)?\.ts$|\.config\.(ts|mjs)$/.test(file))
    .sort((a, b) => compare(dirname(a), dirname(b)) || compare(a, b));
  const lines = ['```'];
  let folder = '';
  for (const file of files) {
    if (dirname(file) !== folder) {
      folder = dirname(file);
      lines.push(`${folder}/`);
    }
    const [first = ''] = (await readFile(root + file, 'utf8')).split('\n', 1);
    if (!first.startsWith('// ')) throw new Error(`${file} does not open with why it exists`);
    lines.push(`  ${basename(file).padEnd(26)} ${first.slice(3)}`);
  }
  return [...lines, '```'].join('\n');
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}
