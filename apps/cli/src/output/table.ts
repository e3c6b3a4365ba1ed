// Lays rows out in columns as docker does: headings in capitals, three spaces between, nothing cut off but by the width of a terminal.

import { toPrintable } from './printable.ts';
import type { Style, TextStyle } from './style.ts';
import { cutToWidth, widthOf } from './width.ts';

export interface Column<Row> {
  readonly title: string;
  /** At least so wide, for a table that is shown again and again. */
  readonly minWidth?: number;
  /** Not cut before all others are, for what is typed again. */
  readonly isWhole?: boolean;
  cell(row: Row): string;
  textStyle?(row: Row): TextStyle | undefined;
}

/** One line a row after the headings, each with its newline; cells are made printable and measured as a terminal shows them. Within `width` the widest columns are cut until nothing wraps. */
export function toTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: Style,
  width?: number | undefined,
): string {
  const headings = columns.map(({ title }): Cell => ({ text: title, textStyle: 'bold' }));
  const body = rows.map((row) =>
    columns.map(
      (column): Cell => ({
        text: toPrintable(column.cell(row)),
        textStyle: column.textStyle?.(row),
      }),
    ),
  );
  const all = [headings, ...body];
  const widths = toWidths(
    all,
    columns.map(({ minWidth = 0 }) => minWidth),
  );
  if (width === undefined) return layOut(all, style, widths);
  const isWhole = columns.map((column) => column.isWhole === true);
  const lines = layOut(all, style, fit(widths, isWhole, width)).split('\n');
  return lines.map((line) => cutLine(line, width)).join('\n');
}

/** More columns than a very narrow terminal can hold go off its edge. */
function cutLine(line: string, width: number): string {
  return widthOf(line) > width ? `${cutToWidth(line, width - 1)}…` : line;
}

export type Fact = readonly [name: string, value: string, textStyle?: TextStyle | undefined];

/** One line a fact, `Name   value`, without headings; those that are undefined are left out. What `width` does not hold goes on below, in its column. */
export function toFacts(
  facts: readonly (Fact | undefined)[],
  style: Style,
  width?: number | undefined,
): string {
  const known = facts.filter((fact) => fact !== undefined);
  const rows = known.map(([name, value, textStyle]): Cell[] => [
    { text: name, textStyle: 'dim' },
    { text: toPrintable(value), textStyle },
  ]);
  if (width === undefined) return layOut(rows, style);
  const [names = 0, values = 0] = toWidths(rows);
  const room = Math.max(narrowest, width - gap.length);
  const nameWidth = Math.min(names, room - Math.min(values, Math.floor(room / 3)));
  return layOut(
    rows.flatMap((row) => foldRow(row, [nameWidth, room - nameWidth])),
    style,
  );
}

/** The text in pieces of at most `width` columns; one where it is empty. */
export function fold(text: string, width: number): string[] {
  const pieces: string[] = [];
  let left = text;
  do {
    const piece = cutToWidth(left, width) || left;
    pieces.push(piece);
    left = left.slice(piece.length);
  } while (left !== '');
  return pieces;
}

interface Cell {
  readonly text: string;
  readonly textStyle: TextStyle | undefined;
}

const gap = '   ';

/** As many rows as the cell with the most pieces needs. */
function foldRow(row: readonly Cell[], widths: readonly number[]): Cell[][] {
  const folded = row.map(({ text }, index) => fold(text, widths[index] ?? 0));
  const height = Math.max(...folded.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) =>
    row.map(({ textStyle }, index): Cell => ({ text: folded[index]?.[line] ?? '', textStyle })),
  );
}

function toWidths(rows: readonly (readonly Cell[])[], minWidths: readonly number[] = []): number[] {
  const widths = [...minWidths];
  for (const row of rows) {
    row.forEach(({ text }, index) => {
      widths[index] = Math.max(widths[index] ?? 0, widthOf(text));
    });
  }
  return widths;
}

/** Takes from the widest column, one by one, until all fit; a whole column is the last to lose. */
function fit(widths: readonly number[], isWhole: readonly boolean[], width: number): number[] {
  const fitted = [...widths];
  const gaps = gap.length * (widths.length - 1);
  for (let over = sum(fitted) + gaps - width; over > 0; over -= 1) {
    const free = fitted.map((one, index) => (isWhole[index] === true ? 0 : one));
    const widest = Math.max(...free) > narrowest ? Math.max(...free) : Math.max(...fitted);
    if (widest <= narrowest) break;
    const at = (Math.max(...free) > narrowest ? free : fitted).indexOf(widest);
    fitted[at] = widest - 1;
  }
  return fitted;
}

const narrowest = 6;

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function layOut(
  rows: readonly (readonly Cell[])[],
  style: Style,
  widths: readonly number[] = toWidths(rows),
): string {
  return rows.map((row) => `${toLine(row, widths, style)}\n`).join('');
}

function toLine(row: readonly Cell[], widths: readonly number[], style: Style): string {
  const cells = row.map(({ text: whole, textStyle }, index) => {
    const width = widths[index] ?? 0;
    const text = widthOf(whole) > width ? `${cutToWidth(whole, width - 1)}…` : whole;
    const padding = ' '.repeat(width - widthOf(text));
    return `${textStyle === undefined || text === '' ? text : style(textStyle, text)}${padding}`;
  });
  return cells.join(gap).trimEnd();
}
