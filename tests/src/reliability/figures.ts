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

/** Appends a line to `FIGURES_FILE`; does nothing where there is none, as in the short form. */
export function recordFigures(form: Form, figures: Figures): void {
  const { FIGURES_FILE: file } = process.env;
  if (file) appendFileSync(file, `${JSON.stringify({ form, figures })}\n`);
}

export function readFigures(text: string, form: Form): readonly Figures[] {
  const entries = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { readonly form: Form; readonly figures: Figures }); // as written above
  return entries.filter((entry) => entry.form === form).map(({ figures }) => figures);
}
