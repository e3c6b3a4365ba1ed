import { expect, test } from 'vitest';
import { helpTopics } from '../command-line/help-topics.ts';
import { root } from '../commands/all-commands.ts';
import { createManPage } from './man-page.ts';

const page = await createManPage();

test('the man page has a chapter for each command, and all terms of the help', () => {
  for (const { name } of root.commands) {
    expect(page).toContain(`\n.SH ONDEMAND ${name.toUpperCase().replaceAll('-', '\\-')}\n`);
  }
  expect(page).toContain('\n.SH ONDEMAND VM STOP\n');
  expect(page).toContain('\n.SH ONDEMAND JOBS CANCEL\n');
  for (const [term] of helpTopics.flatMap(({ rows }) => rows)) {
    expect(page).toContain(`.B ${term.replaceAll('-', '\\-')}\n`);
  }
});

test('nothing of a text is taken for a command of roff', () => {
  const macros = new Set(page.match(/^[.'].*?(?=\s|$)/gm));
  expect([...macros].toSorted()).toEqual(['.B', '.EE', '.EX', '.PP', '.SH', '.SS', '.TH', '.TP']);
  const escapes = new Set(page.match(/\\(?:\(..|.)/g));
  expect(
    [...escapes].filter((one) => !['\\-', '\\e', '\\&', '\\(aq', '\\(dq'].includes(one)),
  ).toEqual([]);
});
