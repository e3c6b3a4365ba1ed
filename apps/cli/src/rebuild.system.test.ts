import { expect, test } from 'vitest';
import { runInTerminal } from './testing/fake-terminal.test-support.ts';
import { begun, failedJob, healthy, job, jobOutput } from './testing/fixtures.test-support.ts';
import { collect, exitOf, startBin } from './testing/run-bin.test-support.ts';
import { runHere } from './testing/run-here.test-support.ts';
import { hanging, refusal, type Script, startStubApi } from './testing/stub-api.test-support.ts';
import { openStream } from './testing/stub-stream.test-support.ts';

const text = 'Step 1/2\nStep\t2/2\nDone\n';

test('rebuild shows the output on stderr as it comes, and the name on stdout', async () => {
  await using api = await startStubApi(healthy);
  expect(await runHere(['rebuild', 'app'], api)).toEqual({
    exitCode: 0,
    stdout: 'app\n',
    stderr: text,
  });
  expect(api.calls.map(({ procedure, input }) => ({ procedure, input }))).toEqual([
    { procedure: 'containers.rebuild', input: { name: 'app', async: true } },
    { procedure: 'jobs.output', input: { id: job.id } },
    { procedure: 'jobs.get', input: { id: job.id } },
  ]);
});

test("rebuild --json prints the action's result once it is done, and no output", async () => {
  await using api = await startStubApi(healthy);
  expect(await runHere(['rebuild', 'app', '--json'], api)).toEqual({
    exitCode: 0,
    stdout: `${JSON.stringify({ container: 'app', action: 'rebuild', status: 'success', job: job.id })}\n`,
    stderr: '',
  });
});

test.each(['-d', '--detach'])('rebuild %s prints the id of the job and waits not', async (flag) => {
  await using api = await startStubApi(healthy);
  expect(await runHere(['rebuild', 'app', flag], api)).toEqual({
    exitCode: 0,
    stdout: `${job.id}\n`,
    stderr: '',
  });
  const json = await runHere(['rebuild', 'app', flag, '--json'], api);
  expect(json.stdout).toBe(`${JSON.stringify(begun.data)}\n`);
  expect(api.calls.map(({ procedure }) => procedure)).not.toContain('jobs.output');
});

test('a rebuild that fails exits with 1; its output is not said twice', async () => {
  await using api = await startStubApi({ ...healthy, 'jobs.get': { data: failedJob } });
  const why = `ondemand: rebuild app failed with exit code 17; its output again: ondemand jobs ${job.id}\n`;
  expect(await runHere(['rebuild', 'app'], api)).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: `${text}${why}`,
  });
  const json = await runHere(['rebuild', 'app', '--json'], api);
  expect(json).toMatchObject({ exitCode: 1, stdout: '' });
  expect(JSON.parse(json.stderr)).toMatchObject({
    code: 'INTERNAL_ERROR',
    message: expect.stringContaining('failed with exit code 17'),
    details: { job: job.id, exitCode: 17, output: job.output },
  });
});

test('of several names each output line says whose it is, and each name is tried', async () => {
  const perName: Script = (input) => {
    const { name } = input as { name: string }; // as the client sends it
    return name === 'ghost'
      ? refusal('NOT_FOUND', 'No such container', { name })
      : { data: { container: name, action: 'rebuild', status: 'initiated', job: `job-${name}` } };
  };
  await using api = await startStubApi({
    'containers.rebuild': perName,
    'jobs.output': { stream: [{ text: 'a\n\nb\n' }] },
    'jobs.get': { data: job },
  });
  expect(await runHere(['rebuild', 'one', 'ghost', 'two'], api)).toEqual({
    exitCode: 4,
    stdout: 'one\ntwo\n',
    stderr: `one | a
one | \none | b
ondemand: rebuild ghost: No such container; ondemand ps lists the names there are
two | a
two | \ntwo | b
`,
  });
});

test('a rebuild that runs already exits with 5 and says how to follow it', async () => {
  await using api = await startStubApi({
    'containers.rebuild': refusal('CONFLICT', 'A rebuild of shop runs', { job: 'job-1' }),
  });
  expect(await runHere(['rebuild', 'app'], api)).toEqual({
    exitCode: 5,
    stdout: '',
    stderr: 'ondemand: rebuild app: A rebuild of shop runs; ondemand jobs job-1 -f follows it\n',
  });
});

test('Ctrl-C stops watching a rebuild and says how to go on', async () => {
  await using api = await startStubApi({
    ...healthy,
    'jobs.output': { stream: openStream({ text: 'Step 1\n' }) },
  });
  const child = startBin(['rebuild', 'app', 'db', 'web'], api);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const exit = exitOf(child);
  await expect.poll(stderr).toContain('Step 1');
  child.kill('SIGINT');
  expect(await exit).toBe(130);
  expect(stdout()).toBe('');
  expect(stderr()).toBe(
    `app | Step 1\nondemand: Interrupted; the rebuild of app goes on as job ${job.id}: ondemand jobs ${job.id} -f; not begun: db, web\n`,
  );
  await expect.poll(api.underWay).toBe(0);
});

test('Ctrl-C before the job has an id says where to look', async () => {
  await using api = await startStubApi({ 'containers.rebuild': hanging });
  const child = startBin(['rebuild', 'app'], api);
  const stderr = collect(child.stderr);
  child.stdout.resume();
  const exit = exitOf(child);
  await expect.poll(() => api.calls.length).toBe(1);
  child.kill('SIGINT');
  expect(await exit).toBe(130);
  expect(stderr()).toBe(
    'ondemand: Interrupted; rebuild app may still take place: look with ondemand jobs\n',
  );
});

test('an API that is lost while it is watched leaves the job where it is', async () => {
  await using api = await startStubApi({
    ...healthy,
    'jobs.output': {
      ...refusal('SERVICE_UNAVAILABLE', 'oci-flex is not running', { lifecycleState: 'STARTING' }),
      stream: jobOutput.slice(0, 1),
    },
  });
  expect(await runHere(['rebuild', 'app'], api)).toEqual({
    exitCode: 6,
    stdout: '',
    stderr: `Step 1/2\nondemand: rebuild app: oci-flex is not running; job ${job.id} may go on: ondemand jobs ${job.id} -f\n`,
  });
});

test('in a terminal the output is dim and cannot move the cursor', async () => {
  await using api = await startStubApi({
    ...healthy,
    'jobs.output': { stream: [{ text: 'a\u001b[2J\nb\n' }] },
  });
  const run = runInTerminal(['rebuild', 'app'], api);
  expect(await run.exitCode).toBe(0);
  expect(run.stdout()).toBe('app\n');
  expect(run.stderr()).toContain('\u001b[2ma\\x1b[2J\u001b[22m\n\u001b[2mb\u001b[22m\n');
});
