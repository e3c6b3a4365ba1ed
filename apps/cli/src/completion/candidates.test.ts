import { expect, test } from 'vitest';
import { root } from '../commands/all-commands.ts';
import { type Candidates, type CompletionOptions, findCandidates } from './candidates.ts';

const known = {
  containers: ['db', 'nginx', '$(reboot)', '-rf'],
  jobs: ['20260208-1f', '20260207-2a', '$(reboot)'],
  contexts: ['home', 'büro', '127.0.0.1:5000', '-rf'],
};
const listKnown: CompletionOptions['list'] = async (source) =>
  known[source].map((value) => ({ value, description: `is\t${value}` }));
const find = (line: string, list: CompletionOptions['list'] = listKnown) =>
  findCandidates({ root, words: line.split(' '), list });
const valuesOf = (found: Candidates) =>
  found === 'files' ? found : found.map(({ value }) => value);

test.each([
  ['st', ['status', 'start', 'stop', 'stats']],
  ['vm re', ['reboot', 'reset']],
  ['--json vm sto', ['stop']],
  [
    'vm stop --',
    ['--json', '--url', '--context', '--help', '--wait', '--timeout', '--yes', '--hard'],
  ],
  ['ps --q', ['--quiet']],
  ['jobs ', ['cancel', '20260208-1f', '20260207-2a']],
  ['jobs cancel ', ['20260208-1f', '20260207-2a']],
  ['jobs 20260208-1f ', []],
  ['jobs -f 20260208', ['20260208-1f']],
  ['inspect n', ['nginx']],
  ['stats db ', ['nginx']],
  ['events ', []],
  ['events --type ', []],
  ['completion ', ['bash', 'zsh', 'fish']],
  ['logs ', ['db', 'nginx']],
  ['logs ng', ['nginx']],
  ['logs nginx ', ['db']],
  ['inspect nginx ', []],
  ['api ', ['GET', 'POST', 'DELETE']],
  ['logs nginx -n ', []],
  ['logs -n 5 ng', ['nginx']],
  ['start db ', ['nginx']],
  ['ps ', []],
  ['exec ', ['db', 'nginx']],
  ['exec nginx ', []],
  ['exec nginx --no-', ['--no-tty', '--no-wake']],
  ['exec nginx -- ', []],
  ['exec nginx ls -', []],
  ['run -', ['--json', '--url', '--context', '--help', '--wake', '--timeout']],
  ['port-forward ', ['db', 'nginx']],
  ['port-forward nginx ', []],
  ['frob ', []],
  ['frob', []],
  ['he', ['help']],
  ['help e', ['exec', 'events', 'environment', 'exit-codes']],
  ['help vm re', ['reboot', 'reset']],
  ['--url ', []],
  ['ps --context ', ['home', 'büro', '127.0.0.1:5000']],
  ['--context h', ['home']],
  ['context ', ['ls', 'use', 'rename', 'rm']],
  ['context use b', ['büro']],
  ['context rename home ', []],
])('"ondemand %s" goes on with %j', async (line, expected) => {
  expect(valuesOf(await find(line))).toEqual(expected);
});

test.each([
  'login --client-secret-file ',
  'login --client-secret-file=se',
  'api POST /x --input ',
  'doctor --bundle ',
  'run -- make -',
  'cp nginx:/etc/x ',
])('"ondemand %s" goes on with files', async (line) => {
  expect(await find(line)).toBe('files');
});

test('candidates say what they are, on one line', async () => {
  expect(await find('vm rese')).toEqual([
    { value: 'reset', description: 'Cut the power and start again' },
  ]);
  expect(await find('ps --q')).toEqual([
    { value: '--quiet', description: 'Print names only, one a line' },
  ]);
  expect(await find('logs ng')).toEqual([{ value: 'nginx', description: 'is nginx' }]);
});

test('an API that does not answer completes nothing and fails nothing', async () => {
  expect(await find('logs ', () => Promise.reject(new Error('down')))).toEqual([]);
});
