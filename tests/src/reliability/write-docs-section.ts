// A form's part of docs/reliability.md: where and how long it ran, then what it measured.

import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { fillPage, toTable } from '../support/fill-docs-page.ts';
import { type Figures, type Form, readFigures } from './record-figures.ts';

const page = 'docs/reliability.md';

/** To be called before the form runs; resolves with what writes its figures. */
export function beginSection(form: Form) {
  const started = new Date();
  const load = loadavg()[0] ?? 0;
  const commit = readCommit();
  const write = async (figures: readonly Figures[]): Promise<void> => {
    const facts = [
      started.toISOString().slice(0, 10),
      toDuration(Date.now() - started.getTime()),
      `${cpus().length} × ${cpus()[0]?.model.replace(/ \d.*/, '') ?? 'CPU'}, load ${load.toFixed(1)} at the start`,
      `Node ${process.versions.node}`,
      `commit ${commit}`,
    ];
    const text = [facts.join(' · '), ...figures.map(toMarkdown)].join('\n\n');
    await fillPage(page, { part: form, text });
  };
  return {
    write,
    writeRecorded: async (file: string) =>
      write(readFigures(await readFile(file, 'utf8').catch(() => ''), form)),
  };
}

export function toMarkdown({ title, lines = [], tables = [] }: Figures): string {
  const heading = title === undefined ? [] : [`### ${title}`];
  return [...heading, ...lines, ...tables.map(toTable)].join('\n\n');
}

function toDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}

/** The page itself may have changed: another form's part of it has just been written. */
function readCommit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!docs');
  return `${git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : ' and changes'}`;
}
