import type { VmReady } from '@ondemand/client';
import { expect, test } from 'vitest';
import { initiated, stoppedVm, toReady, vm } from '../testing/fixtures.test-support.ts';
import { collect, exitOf, startBin } from '../testing/run-bin.test-support.ts';
import { runHere } from '../testing/run-here.test-support.ts';
import { hanging, refusal, type Script, startStubApi } from '../testing/stub-api.test-support.ts';
import { openStream } from '../testing/stub-stream.test-support.ts';

const watched = (...items: VmReady[]) => ({ stream: openStream(...items) });

test('vm start --wait goes on until SSH and Docker answer', async () => {
  const scripts = (): Readonly<Record<string, Script>> => ({
    'vm.start': initiated('START'),
    'vm.status': { data: vm },
    'vm.watchReady': watched(
      toReady('STOPPED'),
      toReady('STARTING'),
      toReady(undefined),
      toReady('RUNNING'),
      { ...toReady('RUNNING'), ssh: { ok: true } },
      toReady('RUNNING', true),
    ),
  });
  await using forPeople = await startStubApi(scripts());
  const people = await runHere(['vm', 'start', '--wait'], forPeople);
  expect(people).toMatchObject({ exitCode: 0, stderr: '' });
  const lines = people.stdout.replace(/^ *\d+s {3}| {3}\(after \d+s\)$/gm, '');
  expect(lines.split('\n')).toEqual([
    'START initiated on oci-flex',
    'STOPPED',
    'STARTING',
    'state unknown',
    'RUNNING',
    'RUNNING, SSH answers',
    'RUNNING, SSH and Docker answer',
    '',
  ]);
  await using forScripts = await startStubApi(scripts());
  const json = await runHere(['vm', 'start', '--wait', '--json'], forScripts);
  expect(json).toEqual({ exitCode: 0, stdout: `${JSON.stringify(vm)}\n`, stderr: '' });
});

test('vm stop --wait goes on until the VM is STOPPED and asks for no containers', async () => {
  await using api = await startStubApi({
    'vm.stop': initiated('STOP'),
    'vm.status': { data: stoppedVm },
    'vm.watchReady': watched(toReady('RUNNING', true), toReady('STOPPING'), toReady('STOPPED')),
  });
  const result = await runHere(['vm', 'stop', '--yes', '--wait', '--json'], api);
  expect(result).toEqual({ exitCode: 0, stdout: `${JSON.stringify(stoppedVm)}\n`, stderr: '' });
  expect(api.calls.some(({ procedure }) => procedure === 'containers.list')).toBe(false);
});

test('vm reboot --wait does not take the VM before the reboot for the one after it', async () => {
  await using api = await startStubApi({
    'vm.reboot': initiated('SOFTRESET'),
    'vm.watchReady': watched(
      toReady('RUNNING', true),
      toReady('STOPPING'),
      toReady('RUNNING', true),
    ),
  });
  const result = await runHere(['vm', 'reboot', '--yes', '--wait'], api);
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  expect(result.stdout).toMatch(/RUNNING.*\n.*STOPPING.*\n.*RUNNING, SSH and Docker answer.*\n$/);
});

test('--timeout ends the wait, and says what was missing', async () => {
  await using api = await startStubApi({
    'vm.start': initiated('START'),
    'vm.watchReady': watched(toReady('RUNNING')),
  });
  const result = await runHere(['vm', 'start', '--wait', '--timeout', '4s', '--json'], api);
  expect(result).toMatchObject({ exitCode: 124, stdout: '' });
  expect(JSON.parse(result.stderr)).toMatchObject({
    code: 'TIMEOUT',
    message: expect.stringMatching(
      /^Gave up after 4s .*it is RUNNING \(SSH does not answer\).*--timeout$/,
    ),
  });
});

test('a VM that goes down again ends the wait at once', async () => {
  await using api = await startStubApi({
    'vm.start': initiated('START'),
    'vm.watchReady': watched(toReady('STARTING'), toReady('STOPPED')),
  });
  const result = await runHere(['vm', 'start', '--wait'], api);
  expect(result).toMatchObject({ exitCode: 1 });
  expect(result.stderr).toMatch(/^ondemand: Gave up .*the VM is STOPPED again.*\n$/);
});

test('a failure that does not pass ends the wait at once', async () => {
  await using api = await startStubApi({
    'vm.start': initiated('START'),
    'vm.watchReady': refusal('UNAUTHORIZED', 'The token has expired'),
  });
  expect(await runHere(['vm', 'start', '--wait'], api)).toMatchObject({ exitCode: 3 });
});

test('a refused action does not wait', async () => {
  await using api = await startStubApi({
    'vm.start': refusal('CONFLICT', 'VM is stopping', { lifecycleState: 'STOPPING' }),
  });
  expect(await runHere(['vm', 'start', '--wait'], api)).toEqual({
    exitCode: 5,
    stdout: '',
    stderr: 'ondemand: VM is stopping\n',
  });
});

test('a start of a VM that runs already waits until SSH and Docker answer', async () => {
  await using api = await startStubApi({
    'vm.start': refusal('CONFLICT', 'VM already running', { lifecycleState: 'RUNNING' }),
    'vm.watchReady': watched(toReady('RUNNING', true)),
  });
  expect(await runHere(['vm', 'start', '--wait'], api)).toMatchObject({ exitCode: 0 });
});

test.each([
  { args: ['ps'], during: 'containers.list', says: 'Interrupted' },
  { args: ['stop', 'a', 'b'], during: 'containers.stop', says: 'stop a may still take place' },
  { args: ['vm', 'start'], during: 'vm.start', says: 'vm start may still take place' },
  { args: ['vm', 'start', '--wait'], during: 'vm.watchReady', says: 'goes on' },
  { args: ['wake'], during: 'vm.wake', says: 'Interrupted' },
])('Ctrl-C during ondemand $args exits with 130', async ({ args, during, says }) => {
  await using api = await startStubApi({
    'vm.start': initiated('START'),
    [during]: hanging,
  });
  const child = startBin(args, api);
  const stderr = collect(child.stderr);
  child.stdout.resume();
  const exit = exitOf(child);
  const isUnderWay = () => api.calls.some(({ procedure }) => procedure === during);
  await expect.poll(isUnderWay).toBe(true);
  child.kill('SIGINT');
  expect(await exit).toBe(130);
  expect(stderr()).toMatch(/^ondemand: .*\n$/);
  expect(stderr()).toContain(says);
});
