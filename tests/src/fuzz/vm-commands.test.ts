import { expect, test } from 'vitest';
import * as jobs from '../../../packages/core/dist/jobs-on-vm/scripts.js';
import { toCommandLine } from '../../../packages/core/dist/ssh/command/command-line.js';
import { parseCommand } from './vm-commands.ts';

const line = (...values: readonly string[]) =>
  toCommandLine(['sh', '-c', jobs.cancelScript, 'ondemand', ...values], { marker: 'm' }).line;

test('a command is one of ours, with its values as they were given', () => {
  const hostile = `x' ; touch y ; '$(z)\n\\é`;
  expect(parseCommand(line('id', hostile))).toEqual({
    kind: 'cancel job',
    values: ['id', hostile],
  });
});

test.each([
  ['another script', toCommandLine(['sh', '-c', 'reboot', 'ondemand'], { marker: 'm' }).line],
  ['a program', toCommandLine(['reboot'], { marker: 'm' }).line],
  ['what stands behind it', `${line('id')}; reboot`],
  ['what stands outside the quotes', line('id').replace("'pid'", "'p'id'")],
  ['a plain line', 'reboot'],
])('it is none of ours: %s', (_, given) => {
  expect(parseCommand(given).kind).toBeUndefined();
});
