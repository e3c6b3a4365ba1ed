// Lays rows out in columns as docker does: headings in capitals, three spaces between, nothing cut off.

import stringWidth from 'string-width';
import { toPrintable } from './printable.ts';
import type { Look, Style } from './style.ts';

export interface Column<Row> {
  readonly title: string;
  /** At least so wide, for a table that is shown again and again. */
  readonly minWidth?: number;
  cell(row: Row): string;
  look?(row: Row): Look | undefined;
}

/** One line a row after the headings, each with its newline; cells are made printable and measured as a terminal shows them. */
export function toTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: Style,
): string {
  const headings = columns.map(({ title }): Cell => ({ text: title, look: 'bold' }));
  const body = rows.map((row) =>
    columns.map(
      (column): Cell => ({ text: toPrintable(column.cell(row)), look: column.look?.(row) }),
    ),
  );
  const minWidths = columns.map(({ minWidth = 0 }) => minWidth);
  return layOut([headings, ...body], style, minWidths);
}

export type Fact = readonly [name: string, value: string, look?: Look | undefined];

/** One line a fact, `Name   value`, without headings; those that are undefined are left out. */
export function toFacts(facts: readonly (Fact | undefined)[], style: Style): string {
  const known = facts.filter((fact) => fact !== undefined);
  return layOut(
    known.map(([name, value, look]): Cell[] => [
      { text: name, look: 'dim' },
      { text: toPrintable(value), look },
    ]),
    style,
  );
}

interface Cell {
  readonly text: string;
  readonly look: Look | undefined;
}

const gap = '   ';

function layOut(
  rows: readonly (readonly Cell[])[],
  style: Style,
  minWidths: readonly number[] = [],
): string {
  const widths = [...minWidths];
  for (const row of rows) {
    row.forEach(({ text }, index) => {
      widths[index] = Math.max(widths[index] ?? 0, stringWidth(text));
    });
  }
  return rows.map((row) => `${toLine(row, widths, style)}\n`).join('');
}

function toLine(row: readonly Cell[], widths: readonly number[], style: Style): string {
  const cells = row.map(({ text, look }, index) => {
    const padding = ' '.repeat((widths[index] ?? 0) - stringWidth(text));
    return `${look === undefined || text === '' ? text : style(look, text)}${padding}`;
  });
  return cells.join(gap).trimEnd();
}
