// Leases from the command line: what is asked for, and what is said of it.

import { expect, test } from 'vitest';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { idleVerdict, lease } from '../testing/fixtures.test-support.ts';
import { startStubApi } from '../testing/stub-api.test-support.ts';

const scripts = {
  'vm.takeLease': { data: lease },
  'vm.releaseLease': { data: lease },
  'vm.idle': { data: { ...idleVerdict, leases: [lease] } },
};

async function run(...args: string[]) {
  await using api = await startStubApi(scripts);
  const running = runInTerminal(['keep', ...args], { ...api, env: { NO_COLOR: '1' } });
  const exitCode = await running.exitCode;
  const calls = api.calls.map(({ procedure, input }) => ({ procedure, input }));
  return { exitCode, calls, stdout: running.stdout(), stderr: running.stderr() };
}

test.each([
  [['2h'], { minutes: 120 }],
  [['1h30m', '--reason', 'a film'], { minutes: 90, reason: 'a film' }],
  [['30s'], { minutes: 1 }],
])('keep %j takes a lease and tells its id', async (args, input) => {
  const { exitCode, calls, stdout } = await run(...args);
  expect({ exitCode, calls }).toEqual({
    exitCode: 0,
    calls: [{ procedure: 'vm.takeLease', input }],
  });
  expect(stdout).toContain(`lease ${lease.id} ends`);
});

test('keep --release ends one, and keep --list shows them', async () => {
  const released = await run('--release', lease.id);
  expect(released.calls).toEqual([{ procedure: 'vm.releaseLease', input: { id: lease.id } }]);
  expect(released.stdout).toBe(`${lease.id}\n`);
  const { stdout } = await run('--list');
  expect(stdout).toContain(lease.id);
  expect(stdout).toContain('a film');
  expect(JSON.parse((await run('--list', '--json')).stdout)).toEqual([lease]);
});

test.each([
  [[]],
  [['2h', '--list']],
  [['--list', '--release', 'x']],
  [['--list', '--reason', 'x']],
  [['soon'], "keep needs a duration such as 90s, 10m or 1h30m, up to 24h, not 'soon'"],
  [['25h'], "keep needs a duration such as 90s, 10m or 1h30m, up to 24h, not '25h'"],
])('keep %j is a usage error, and nothing is sent', async (args, says = '') => {
  const { exitCode, calls, stderr } = await run(...args);
  expect({ exitCode, calls }).toEqual({ exitCode: 2, calls: [] });
  expect(stderr).toContain(`ondemand: ${says}`);
});
