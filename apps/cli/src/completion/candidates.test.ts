import { expect, test } from 'vitest';
import { root } from '../commands/root.ts';
import { findCandidates } from './candidates.ts';

const find = (line: string, listContainers = async () => ['db', 'nginx', '$(reboot)', '-rf']) =>
  findCandidates({ root, words: line.split(' '), listContainers });

test.each([
  ['st', ['status', 'start', 'stop']],
  ['vm re', ['reboot', 'reset']],
  ['--json vm sto', ['stop']],
  ['vm stop --', ['--json', '--url', '--help', '--wait', '--timeout', '--yes']],
  ['ps --q', ['--quiet']],
  ['completion ', ['bash', 'zsh', 'fish']],
  ['logs ', ['db', 'nginx']],
  ['logs ng', ['nginx']],
  ['logs nginx ', []],
  ['logs nginx -n ', []],
  ['logs -n 5 ng', ['nginx']],
  ['start db ', ['nginx']],
  ['ps ', []],
  ['frob ', []],
])('"ondemand %s" goes on with %j', async (line, expected) => {
  expect(await find(line)).toEqual(expected);
});

test('an API that does not answer completes nothing and fails nothing', async () => {
  expect(await find('logs ', () => Promise.reject(new Error('down')))).toEqual([]);
});
