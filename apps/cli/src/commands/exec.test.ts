import { expect, test } from 'vitest';
import { toDockerExec } from './exec.ts';

const none = { as: undefined, workdir: undefined, env: [] };

test('docker exec gets its options before the container, and the command as it is', () => {
  const options = { as: '-x', workdir: '/a b', env: ['A=1=2', 'HERE', 'MISSING', 'EMPTY='] };
  const how = { options, env: { HERE: 'y z' }, hasTerminal: true };
  expect(toDockerExec('web', ['ls', '-l', ''], how)).toEqual([
    ...['docker', 'exec', '-i', '-t', '--user=-x', '--workdir=/a b'],
    ...['--env=A=1=2', '--env=HERE=y z', '--env=EMPTY=', 'web', 'ls', '-l', ''],
  ]);
});

test('without a command it is a shell, and without a terminal there is none there', () => {
  expect(toDockerExec('web', [], { options: none, env: {}, hasTerminal: false })).toEqual([
    ...['docker', 'exec', '-i', 'web', 'sh'],
  ]);
});
