// Puts what was measured into a page of the docs, between its two marks.

import { readFile, writeFile } from 'node:fs/promises';

/** A table in Markdown. */
export function toTable({
  head,
  rows,
}: {
  readonly head: Cells;
  readonly rows: readonly Cells[];
}): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

type Cells = readonly (string | number)[];

export interface PagePart {
  /** The marks are `<!-- part -->` and `<!-- /part -->`. */
  readonly part: string;
  readonly text: string;
}

/** Throws where the page lacks the marks. */
export async function fillPage(file: string, { part, text }: PagePart): Promise<void> {
  const [open, close] = [`<!-- ${part} -->`, `<!-- /${part} -->`];
  const before = await readFile(file, 'utf8');
  const [start, end] = [before.indexOf(open), before.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`${file} lacks ${open} … ${close}`);
  const head = before.slice(0, start + open.length);
  await writeFile(file, `${head}\n\n${text}\n\n${before.slice(end)}`);
}
