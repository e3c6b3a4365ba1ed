import { expect, test } from 'vitest';
import { readFigures } from './record-figures.ts';
import { toMarkdown } from './write-docs-section.ts';

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

test('tables of the same title and columns become one, those of another title none of it', () => {
  const lines = [
    { title: 'OCI', tables: [{ head: ['fault'], rows: [['a']] }] },
    { title: 'Docker', tables: [{ head: ['fault'], rows: [['b']] }] },
    { title: 'OCI', tables: [{ head: ['fault'], rows: [['c']] }] },
    { tables: [{ head: ['file'], rows: [['d']] }] },
    { tables: [{ head: ['fault'], rows: [['e']] }] },
    { tables: [{ head: ['file'], rows: [['f']] }] },
  ];
  const text = lines.map((figures) => JSON.stringify({ form: 'faults', figures })).join('\n');
  expect(readFigures(text, 'faults').map(toMarkdown)).toEqual([
    '### OCI\n\n| fault |\n| --- |\n| a |\n| c |',
    '### Docker\n\n| fault |\n| --- |\n| b |',
    '| file |\n| --- |\n| d |\n| f |',
    '| fault |\n| --- |\n| e |',
  ]);
});
