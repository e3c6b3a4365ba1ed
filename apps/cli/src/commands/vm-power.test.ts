// What is there already is a success, and a name that is nearly right is named.

import { expect, test } from 'vitest';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { healthy, toReady, vm } from '../testing/fixtures.test-support.ts';
import { refusal, startStubApi } from '../testing/stub-api.test-support.ts';
import { openStream } from '../testing/stub-stream.test-support.ts';

test.each([
  ['start', 'RUNNING', 'oci-flex already running\n'],
  ['stop', 'STOPPED', 'oci-flex already stopped\n'],
])('vm %s of a VM that is %s is done already', async (verb, lifecycleState, stdout) => {
  const conflict = refusal('CONFLICT', 'no', { lifecycleState });
  await using api = await startStubApi({ ...healthy, [`vm.${verb}`]: conflict });
  const run = runInTerminal(['vm', verb, '--yes'], { ...api, env: { NO_COLOR: '1' } });
  expect(await run.exitCode).toBe(0);
  expect(run.stdout()).toBe(stdout);
  const json = runInTerminal(['vm', verb, '--yes', '--json'], api);
  expect(await json.exitCode).toBe(0);
  expect(JSON.parse(json.stdout())).toEqual(vm);
});

test.each([
  ['start', 'STOPPING'],
  ['stop', 'STARTING'],
  ['reboot', 'STOPPED'],
])('vm %s of a VM that is %s is a conflict', async (verb, lifecycleState) => {
  const conflict = refusal('CONFLICT', 'no', { lifecycleState });
  await using api = await startStubApi({ ...healthy, [`vm.${verb}`]: conflict });
  const run = runInTerminal(['vm', verb, '--yes'], api);
  expect(await run.exitCode).toBe(5);
});

test.each([
  ['start', 'STARTING', 'RUNNING'],
  ['stop', 'STOPPING', 'STOPPED'],
] as const)(
  'vm %s --wait waits for a VM that is %s, which is a conflict without --wait',
  async (verb, lifecycleState, end) => {
    const conflict = refusal('CONFLICT', 'no', { lifecycleState });
    const ready = toReady(end, end === 'RUNNING');
    await using api = await startStubApi({
      ...healthy,
      [`vm.${verb}`]: conflict,
      'vm.watchReady': { stream: openStream(toReady(lifecycleState), ready) },
    });
    const env = { NO_COLOR: '1' };
    const waiting = runInTerminal(['vm', verb, '--yes', '--wait'], { ...api, env });
    expect(await waiting.exitCode).toBe(0);
    expect(waiting.stdout()).toContain(`oci-flex already ${lifecycleState.toLowerCase()}\n`);
    expect(waiting.stdout()).toContain(end);
    expect(await runInTerminal(['vm', verb, '--yes'], { ...api, env }).exitCode).toBe(5);
  },
);

test.each([
  [['start'], 'STOPPING'],
  [['stop'], 'STARTING'],
  [['stop', '--hard'], 'STOPPING'],
  [['reboot'], 'STARTING'],
  [['reset'], 'STOPPING'],
])(
  'vm %j --wait of a VM that is %s is a conflict',
  async ([verb = '', ...rest], lifecycleState) => {
    const conflict = refusal('CONFLICT', 'no', { lifecycleState });
    await using api = await startStubApi({ ...healthy, [`vm.${verb}`]: conflict });
    const run = runInTerminal(['vm', verb, ...rest, '--yes', '--wait'], api);
    expect(await run.exitCode).toBe(5);
    expect(api.calls.map(({ procedure }) => procedure)).not.toContain('vm.watchReady');
  },
);

test('vm stop --wait does not take a VM that starts again for stopped', async () => {
  await using api = await startStubApi({
    ...healthy,
    'vm.stop': refusal('CONFLICT', 'no', { lifecycleState: 'STOPPING' }),
    'vm.watchReady': { stream: openStream(toReady('STOPPING'), toReady('STARTING')) },
  });
  const run = runInTerminal(['vm', 'stop', '--yes', '--wait'], api);
  expect(await run.exitCode).toBe(1);
  expect(run.stderr()).toContain('the VM is STARTING again, so something started it');
});

test.each([
  [['stop', 'ngnix'], 'containers.stop', ", did you mean 'nginx'?"],
  [['rebuild', 'ngnix'], 'containers.rebuild', ", did you mean 'nginx'?"],
  [['logs', 'ngnix'], 'containers.logs', ", did you mean 'nginx'?"],
  [['logs', 'postgres'], 'containers.logs', 'lists the names there are'],
] as const)(
  '%j of no container ends with what was probably meant',
  async ([verb, name], path, end) => {
    const missing = refusal('NOT_FOUND', `No container named '${name}' on oci-flex`, { name });
    await using api = await startStubApi({ ...healthy, [path]: missing });
    const run = runInTerminal([verb, name], { ...api, env: { NO_COLOR: '1' } });
    expect(await run.exitCode).toBe(4);
    expect(run.stderr().trimEnd().endsWith(end)).toBe(true);
  },
);

test.each([
  [['--yes'], { soft: true }],
  [['--yes', '--hard'], undefined],
])('vm stop %j asks the API for %j', async (options, input) => {
  await using api = await startStubApi(healthy);
  const run = runInTerminal(['vm', 'stop', ...options], api);
  expect(await run.exitCode).toBe(0);
  expect(api.calls.find(({ procedure }) => procedure === 'vm.stop')?.input).toEqual(input);
});

test('vm start knows no --hard', async () => {
  await using api = await startStubApi(healthy);
  const run = runInTerminal(['vm', 'start', '--hard'], api);
  expect(await run.exitCode).toBe(2);
});
