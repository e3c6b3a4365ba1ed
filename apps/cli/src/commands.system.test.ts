import { expect, test } from 'vitest';
import {
  acted,
  backup,
  caller,
  failedJob,
  healthy,
  idleVerdict,
  initiated,
  inspection,
  job,
  log,
  nginx,
  sample,
  stoppedVm,
  table,
  toReady,
  vm,
  vmOff,
} from './testing/fixtures.test-support.ts';
import { collect, exitOf, runBin, startBin, token } from './testing/run-bin.test-support.ts';
import { runHere } from './testing/run-here.test-support.ts';
import { hanging, refusal, type Script, startStubApi } from './testing/stub-api.test-support.ts';

test.each([
  {
    args: 'status',
    stdout: `oci-flex   RUNNING   203.0.113.10\n\nPhase     on\nKept on   by connections\nStops     not while that is so\n\n${table}`,
  },
  {
    args: 'vm status',
    stdout:
      'VM        oci-flex\nName      oci-flex\nState     RUNNING\nIP        203.0.113.10\nChecked   2026-02-08 10:15:30\n',
  },
  { args: 'vm start', stdout: 'START initiated on oci-flex\n' },
  { args: 'vm stop --yes', stdout: 'STOP initiated on oci-flex\n' },
  { args: 'vm reboot -y', stdout: 'SOFTRESET initiated on oci-flex\n' },
  { args: 'vm reset --yes', stdout: 'RESET initiated on oci-flex\n' },
  { args: 'ps', stdout: table },
  { args: 'ps -q', stdout: 'backup\nnginx\n' },
  { args: 'ps -a', stdout: table },
  { args: 'ps -aq', stdout: 'backup\nnginx\n' },
  { args: 'start nginx', stdout: 'nginx\n' },
  { args: 'stop nginx', stdout: 'nginx\n' },
  { args: 'restart nginx', stdout: 'nginx\n' },
  { args: 'logs nginx', stdout: log.logs },
])('ondemand $args prints for people', async ({ args, stdout }) => {
  await using api = await startStubApi(healthy);
  expect(await runBin(args.split(' '), api)).toEqual({ exitCode: 0, stdout, stderr: '' });
  expect(api.calls.every(({ authorization }) => authorization === `Bearer ${token}`)).toBe(true);
});

test.each([
  {
    args: 'status',
    data: {
      vm,
      ready: toReady('RUNNING', true),
      idle: idleVerdict,
      jobs: [job, failedJob],
      containers: [backup, nginx],
    },
  },
  { args: 'vm status', data: vm },
  { args: 'vm start', data: initiated('START').data },
  { args: 'vm stop --yes', data: initiated('STOP').data },
  { args: 'vm reboot --yes', data: initiated('SOFTRESET').data },
  { args: 'vm reset --yes', data: initiated('RESET').data },
  { args: 'ps', data: [backup, nginx] },
  { args: 'ps -q', data: [backup, nginx] },
  { args: 'start nginx', data: acted('nginx', 'start').data },
  { args: 'stop nginx', data: acted('nginx', 'stop').data },
  { args: 'restart nginx', data: acted('nginx', 'restart').data },
  { args: 'logs nginx', data: log },
  { args: 'inspect nginx', data: inspection },
  { args: 'stats nginx', data: [sample] },
  { args: 'jobs', data: [job, failedJob] },
  { args: `jobs ${job.id}`, data: job },
  { args: 'whoami', data: caller },
])("ondemand $args --json prints the API's own JSON on one line", async ({ args, data }) => {
  await using api = await startStubApi(healthy);
  const { exitCode, stdout, stderr } = await runHere([...args.split(' '), '--json'], api);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toBe(`${JSON.stringify(data)}\n`);
});

test('the API gets what was asked for and nothing else', async () => {
  await using api = await startStubApi(healthy);
  await runHere(['logs', 'nginx', '-n', '7'], api);
  await runHere(['logs', 'nginx', '--tail', '7'], api);
  await runHere(['restart', 'nginx'], api);
  expect(api.calls.map(({ procedure, method, input }) => ({ procedure, method, input }))).toEqual([
    { procedure: 'containers.logs', method: 'GET', input: { name: 'nginx', lines: 7 } },
    { procedure: 'containers.logs', method: 'GET', input: { name: 'nginx', lines: 7 } },
    { procedure: 'containers.restart', method: 'POST', input: { name: 'nginx' } },
  ]);
});

test('status of a VM that is off is no failure, and its containers are null', async () => {
  await using api = await startStubApi({
    'vm.status': { data: stoppedVm },
    'containers.list': vmOff,
  });
  const people = await runHere(['status'], api);
  expect(people).toMatchObject({ exitCode: 0, stderr: '' });
  expect(people.stdout).toMatch(/^oci-flex {3}STOPPED\n/);
  const json = await runHere(['status', '--json'], api);
  expect(JSON.parse(json.stdout)).toEqual({
    ...{ vm: stoppedVm, ready: null, idle: null, jobs: null, containers: null },
  });
});

test('status of a VM that runs but does not answer shows it and exits with 6', async () => {
  await using api = await startStubApi({
    'vm.status': { data: vm },
    'containers.list': refusal('SERVICE_UNAVAILABLE', 'VM not reachable via SSH'),
  });
  const result = await runHere(['status'], api);
  expect(result).toMatchObject({ exitCode: 6, stderr: 'ondemand: VM not reachable via SSH\n' });
  expect(result.stdout).toContain('RUNNING');
});

test('status shows the containers even when OCI cannot be asked, and exits with 6', async () => {
  await using api = await startStubApi({
    'vm.status': refusal('SERVICE_UNAVAILABLE', 'OCI is down'),
    'containers.list': { data: [nginx] },
  });
  const result = await runHere(['status', '--json'], api);
  expect(result.exitCode).toBe(6);
  expect(JSON.parse(result.stderr)).toMatchObject({ message: 'OCI is down' });
  expect(JSON.parse(result.stdout)).toEqual({
    ...{ vm: null, ready: null, idle: null, jobs: null, containers: [nginx] },
  });
});

const perName: Script = (input) => {
  const { name } = input as { name: string }; // as the client sends it
  if (name === 'ghost') return refusal('NOT_FOUND', `No container named '${name}'`, { name });
  return name === 'stuck' ? refusal('CONFLICT', 'It is paused') : acted(name, 'stop');
};

test('of several names each is tried, and the first failure is the exit code', async () => {
  await using api = await startStubApi({ 'containers.stop': perName });
  expect(await runHere(['stop', 'a', 'ghost', 'stuck', 'b'], api)).toEqual({
    exitCode: 4,
    stdout: 'a\nb\n',
    stderr:
      "ondemand: stop ghost: No container named 'ghost'; ondemand ps lists the names there are\n" +
      'ondemand: stop stuck: It is paused\n',
  });
});

test('of several names --json prints one document a line', async () => {
  await using api = await startStubApi({ 'containers.stop': perName });
  const { stdout } = await runHere(['stop', 'a', 'ghost', 'b', '--json'], api);
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).container),
  ).toEqual(['a', 'b']);
});

test('a container that is as asked already is a success', async () => {
  await using api = await startStubApi({ 'containers.start': acted('nginx', 'start', false) });
  expect(await runHere(['start', 'nginx'], api)).toEqual({
    exitCode: 0,
    stdout: 'nginx\n',
    stderr: '',
  });
});

test('Ctrl-C says what may still take place and which names were not begun', async () => {
  const perTurn: Script = (input) => {
    const { name } = input as { name: string }; // as the client sends it
    return name === 'a' ? acted(name, 'restart') : hanging;
  };
  await using api = await startStubApi({ 'containers.restart': perTurn });
  const child = startBin(['restart', 'a', 'b', 'c', 'd'], api);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const exit = exitOf(child);
  await expect.poll(() => api.calls.length).toBe(2);
  child.kill('SIGINT');
  expect(await exit).toBe(130);
  expect({ stdout: stdout(), stderr: stderr() }).toEqual({
    stdout: 'a\n',
    stderr:
      'ondemand: Interrupted; restart b may still take place: look with ondemand ps; not begun: c, d\n',
  });
});
