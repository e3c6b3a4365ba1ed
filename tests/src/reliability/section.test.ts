import { expect, test } from 'vitest';
import { readFigures } from './figures.ts';
import { joinTables, toMarkdown } from './section.ts';

test('what a form recorded becomes its paragraphs and tables, without what another form recorded', () => {
  const lines = [
    { form: 'chaos', figures: { lines: ['500 runs'] } },
    { form: 'fuzz', figures: { title: 'REST', lines: ['2 000 cases'], tables: [] } },
    { form: 'fuzz', figures: { tables: [{ head: ['operation', 'cases'], rows: [['GET /', 7]] }] } },
  ];
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  expect(readFigures(text, 'fuzz').map(toMarkdown)).toEqual([
    '### REST\n\n2 000 cases',
    '| operation | cases |\n| --- | --- |\n| GET / | 7 |',
  ]);
});

test('tables of the same columns become one', () => {
  const table = (head: string, row: string) => ({ tables: [{ head: [head], rows: [[row]] }] });
  const joined = joinTables([table('file', 'a'), table('operation', 'b'), table('file', 'c')]);
  expect(joined.map(toMarkdown)).toEqual([
    '| file |\n| --- |\n| a |\n| c |',
    '| operation |\n| --- |\n| b |',
    '',
  ]);
});
