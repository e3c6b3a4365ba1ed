// What the full form of a suite measured, handed to `pnpm reliability`, which writes it into docs/reliability.md.

import { appendFileSync } from 'node:fs';

export type Form = 'fuzz' | 'chaos' | 'faults' | 'soak';

export interface Figures {
  /** Stands above the rest of it. */
  readonly title?: string;
  /** A paragraph each. */
  readonly lines?: readonly string[];
  readonly tables?: readonly Table[];
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** Appends a line to `FIGURES_FILE`; does nothing where there is none, as in the short form. What has the same title and the same heads is read as one, so that rows may come one by one. */
export function recordFigures(form: Form, figures: Figures): void {
  const { FIGURES_FILE: file } = process.env;
  if (file) appendFileSync(file, `${JSON.stringify({ form, figures })}\n`);
}

export function readFigures(text: string, form: Form): readonly Figures[] {
  const entries = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { readonly form: Form; readonly figures: Figures }) // as written above
    .filter((entry) => entry.form === form);
  const joined = new Map<string, Figures>();
  for (const { figures } of entries) {
    const { title, lines = [], tables = [] } = figures;
    const key = JSON.stringify([title, tables.map(({ head }) => head)]);
    const before = joined.get(key);
    joined.set(key, {
      ...figures,
      lines: [...(before?.lines ?? []), ...lines],
      tables: tables.map(({ head, rows }, index) => ({
        head,
        rows: [...(before?.tables?.[index]?.rows ?? []), ...rows],
      })),
    });
  }
  return [...joined.values()];
}
