// `pnpm reliability [--only fuzz,chaos,faults,soak] [--minutes N]`: runs the full forms one after the other and writes what each measured into docs/reliability.md.
// A form that fails leaves its part of the page alone, and the exit code is 1. N is for the soak.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPrograms, root, run } from './run-installed-tool.mjs';

const forms = ['fuzz', 'chaos', 'faults', 'soak'];

process.exitCode = await main();

async function main() {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, minutes: { type: 'string', default: '120' } },
  });
  const chosen = values.only?.split(',') ?? forms;
  if (chosen.some((form) => !forms.includes(form))) {
    say(`--only takes some of ${forms.join()}; it was ${values.only}`);
    return 2;
  }
  const built = await buildPrograms();
  if (built !== 0) return built;
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const failed = [];
  for (const form of chosen) {
    const more = form === 'soak' ? ` --minutes ${Number(values.minutes)}` : '';
    if (!(await runForm(form, scripts[`test:${form}`] + more))) failed.push(form);
  }
  if (failed.length > 0) say(`Failed, so not written: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

async function runForm(form, command) {
  const { beginSection } = await import('../tests/dist/reliability/section.js');
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-figures-'));
  try {
    say(`${form}: ${command}`);
    const file = join(folder, 'figures.jsonl');
    const section = beginSection(form);
    if ((await run('sh', ['-c', command], { env: { FIGURES_FILE: file } })) !== 0) return false;
    await section.writeRecorded(file);
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
