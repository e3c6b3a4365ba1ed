import { expect, test } from 'vitest';
import { initiated, stoppedVm, vm } from '../testing/fixtures.test-support.ts';
import { collect, exitOf, runBin, startBin } from '../testing/run-bin.test-support.ts';
import { hanging, refusal, type Script, startStubApi } from '../testing/stub-api.test-support.ts';

test('vm start --wait goes on until SSH and Docker answer', async () => {
  const later = { ...vm, lastCheck: '2026-02-08T10:16:00.000Z' };
  const scripts: Readonly<Record<string, Script>> = {
    'vm.start': initiated('START'),
    'vm.status': [
      { data: stoppedVm },
      { data: { ...vm, lifecycleState: 'STARTING' } },
      refusal('SERVICE_UNAVAILABLE', 'OCI is throttling'),
      { data: vm },
      { data: later },
    ],
    'containers.list': [refusal('SERVICE_UNAVAILABLE', 'No SSH yet'), { data: [] }],
  };
  await using forPeople = await startStubApi(scripts);
  const people = await runBin(['vm', 'start', '--wait'], forPeople);
  expect(people).toMatchObject({ exitCode: 0, stderr: '' });
  expect(people.stdout.replace(/^ *\d+s {3}/gm, '').split('\n')).toEqual([
    'START initiated on oci-flex',
    'STOPPED',
    'STARTING',
    'state unknown',
    'RUNNING',
    'RUNNING, SSH and Docker answer',
    '',
  ]);
  await using forScripts = await startStubApi(scripts);
  const json = await runBin(['vm', 'start', '--wait', '--json'], forScripts);
  expect(json).toEqual({ exitCode: 0, stdout: `${JSON.stringify(later)}\n`, stderr: '' });
});

test('vm stop --wait goes on until the VM is STOPPED and asks for no containers', async () => {
  await using api = await startStubApi({
    'vm.stop': initiated('STOP'),
    'vm.status': [
      { data: vm },
      { data: { ...vm, lifecycleState: 'STOPPING' } },
      { data: stoppedVm },
    ],
  });
  const result = await runBin(['vm', 'stop', '--yes', '--wait', '--json'], api);
  expect(result).toEqual({ exitCode: 0, stdout: `${JSON.stringify(stoppedVm)}\n`, stderr: '' });
  expect(api.calls.some(({ procedure }) => procedure === 'containers.list')).toBe(false);
});

test('vm reboot --wait does not take the VM before the reboot for the one after it', async () => {
  await using api = await startStubApi({
    'vm.reboot': initiated('SOFTRESET'),
    'vm.status': [{ data: vm }, { data: { ...vm, lifecycleState: 'STOPPING' } }, { data: vm }],
    'containers.list': { data: [] },
  });
  const result = await runBin(['vm', 'reboot', '--yes', '--wait'], api);
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  expect(result.stdout).toMatch(/RUNNING.*\n.*STOPPING\n.*RUNNING, SSH and Docker answer\n$/);
});

test('--timeout ends the wait, also while a call hangs, and says what was missing', async () => {
  await using api = await startStubApi({
    'vm.start': initiated('START'),
    'vm.status': { data: vm },
    'containers.list': [refusal('SERVICE_UNAVAILABLE', 'SSH does not answer'), hanging],
  });
  const result = await runBin(['vm', 'start', '--wait', '--timeout', '1s', '--json'], api);
  expect(result).toMatchObject({ exitCode: 6, stdout: '' });
  expect(result.stderr).toMatch(/^ondemand: Gave up after 1s .*it is RUNNING.*--timeout\n$/);
});

test('a VM that goes down again ends the wait at once', async () => {
  await using api = await startStubApi({
    'vm.start': initiated('START'),
    'vm.status': [{ data: { ...vm, lifecycleState: 'STARTING' } }, { data: stoppedVm }],
  });
  const result = await runBin(['vm', 'start', '--wait'], api);
  expect(result).toMatchObject({ exitCode: 1 });
  expect(result.stderr).toMatch(/^ondemand: Gave up .*the VM is STOPPED again.*\n$/);
});

test('a failure that does not pass ends the wait at once', async () => {
  await using api = await startStubApi({
    'vm.start': initiated('START'),
    'vm.status': refusal('UNAUTHORIZED', 'The token has expired'),
  });
  expect(await runBin(['vm', 'start', '--wait'], api)).toMatchObject({ exitCode: 3 });
});

test('a refused action does not wait', async () => {
  await using api = await startStubApi({
    'vm.start': refusal('CONFLICT', 'VM is stopping', { lifecycleState: 'STOPPING' }),
  });
  expect(await runBin(['vm', 'start', '--wait'], api)).toEqual({
    exitCode: 5,
    stdout: '',
    stderr: 'ondemand: VM is stopping\n',
  });
});

test('a start of a VM that runs already waits until SSH and Docker answer', async () => {
  await using api = await startStubApi({
    'vm.start': refusal('CONFLICT', 'VM already running', { lifecycleState: 'RUNNING' }),
    'vm.status': { data: vm },
    'containers.list': { data: [] },
  });
  expect(await runBin(['vm', 'start', '--wait'], api)).toMatchObject({ exitCode: 0 });
});

test.each([
  { args: ['ps'], during: 'containers.list', says: 'Interrupted' },
  { args: ['stop', 'a', 'b'], during: 'containers.stop', says: 'stop a may still take place' },
  { args: ['vm', 'start'], during: 'vm.start', says: 'vm start may still take place' },
  { args: ['vm', 'start', '--wait'], during: 'vm.status', says: 'goes on' },
])('Ctrl-C during ondemand $args exits with 130', async ({ args, during, says }) => {
  await using api = await startStubApi({
    'vm.start': initiated('START'),
    [during]: hanging,
  });
  const child = startBin(args, api);
  const stderr = collect(child.stderr);
  child.stdout.resume();
  const exit = exitOf(child);
  await expect.poll(() => api.calls.at(-1)?.procedure).toBe(during);
  child.kill('SIGINT');
  expect(await exit).toBe(130);
  expect(stderr()).toMatch(/^ondemand: .*\n$/);
  expect(stderr()).toContain(says);
});
