import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { createStyle } from './style.ts';
import { type Column, toFacts, toTable } from './table.ts';
import { widthOf } from './width.ts';

interface Row {
  readonly name: string;
  readonly note: string;
}

const columns: readonly Column<Row>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'NOTE', cell: ({ note }) => note, textStyle: () => 'green' },
  { title: 'LAST', cell: () => '' },
];
const plain = createStyle(false);

test('columns are as wide as their widest cell, three spaces apart, without spaces at the end', () => {
  const rows = [
    { name: 'a', note: 'long note' },
    { name: 'bcdefg', note: '' },
  ];
  expect(toTable(columns, rows, plain)).toBe(
    ['NAME     NOTE        LAST', 'a        long note', 'bcdefg', ''].join('\n'),
  );
});

test('no rows leave the headings, as in docker', () => {
  expect(toTable(columns, [], plain)).toBe('NAME   NOTE   LAST\n');
});

test.each(['数据库', '👩‍👩‍👧', 'e\u0301te\u0301', 'ｆｕｌｌ'])(
  'a cell of %s takes the columns that a terminal gives it',
  (name) => {
    const widths: Record<string, number> = {
      数据库: 6,
      '👩‍👩‍👧': 2,
      'e\u0301te\u0301': 3,
      ｆｕｌｌ: 8,
    };
    const [, line = ''] = toTable(columns, [{ name, note: 'x' }], plain).split('\n');
    const padding = line.slice(name.length, line.indexOf('x'));
    expect(padding).toHaveLength(Math.max(4, widths[name] ?? 0) - (widths[name] ?? 0) + 3);
  },
);

test('colours change nothing in the layout', () => {
  const rows = [
    { name: 'a', note: 'x' },
    { name: 'b', note: 'longer' },
  ];
  const coloured = toTable(columns, rows, createStyle(true));
  expect(coloured).toContain('\u001b[32mlonger\u001b[39m');
  expect(stripVTControlCharacters(coloured)).toBe(toTable(columns, rows, plain));
});

test('a cell cannot move the cursor or begin a line', () => {
  const table = toTable(columns, [{ name: 'a\u001b[A\nfake', note: '' }], plain);
  expect(table.split('\n')[1]).toBe('a\\x1b[A\\nfake');
});

test('toFacts() lines values up after their names', () => {
  const facts = [
    ['VM', 'oci-flex'],
    ['State', 'RUNNING', 'green'],
  ] as const;
  expect(toFacts(facts, plain)).toBe('VM      oci-flex\nState   RUNNING\n');
});

test('in a narrow terminal the widest columns are cut, what is typed again last, and nothing wraps', () => {
  const wide: readonly Column<Row>[] = [
    { title: 'NAME', isWhole: true, cell: ({ name }) => name },
    { title: 'NOTE', cell: ({ note }) => note },
    { title: 'LAST', cell: () => 'a third column, long too' },
  ];
  const rows = [{ name: 'a-rather-long-name', note: 'a note that is far too long for it' }];
  const lines = toTable(wide, rows, plain, 60).trimEnd().split('\n');
  expect(lines.map((line) => line.length <= 60)).toEqual([true, true]);
  expect(lines[1]).toBe('a-rather-long-name   a note that is fa…   a third column, l…');
  for (const line of toTable(wide, rows, plain, 40).trimEnd().split('\n')) {
    expect(line.length).toBeLessThanOrEqual(40);
  }
});

test('more columns than a terminal can hold go off its edge, wide characters whole', () => {
  const columns = Array.from({ length: 9 }, (_, index) => ({
    title: `COLUMN ${index}`,
    cell: ({ note }: Row) => note,
  }));
  const rows = [{ name: 'a', note: '東京タワー🗼' }];
  for (const width of [40, 41, 20, 80]) {
    const lines = toTable(columns, rows, plain, width).trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(widthOf(line)).toBeLessThanOrEqual(width);
      expect(line).toMatch(/…$/);
    }
  }
});
