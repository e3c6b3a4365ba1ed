import { expect, test } from 'vitest';
import { failedJob, healthy, job, jobOutput } from './testing/fixtures.test-support.ts';
import { runBin } from './testing/run-bin.test-support.ts';
import { refusal, startStubApi } from './testing/stub-api.test-support.ts';

const text = 'Step 1/2\nStep\t2/2\nDone\n';

test('jobs lists them with their age and duration', async () => {
  const startedAt = new Date(Date.now() - 3 * 3_600_000 - 5_000).toISOString();
  const finishedAt = new Date(Date.now() - 3 * 3_600_000 + 85_000).toISOString();
  const running = {
    ...job,
    id: 'r',
    state: 'running',
    startedAt: new Date(Date.now() + 60_000).toISOString(),
    finishedAt: null,
    exitCode: null,
  };
  const lost = { ...job, id: 'l', state: 'lost', startedAt, finishedAt: null, exitCode: null };
  await using api = await startStubApi({
    'jobs.list': { data: [running, { ...job, startedAt, finishedAt }, lost] },
  });
  const { stdout } = await runBin(['jobs'], api);
  expect(
    stdout,
  ).toBe(`JOB                     KIND      TARGET   STATE       STARTED        DURATION
r                       rebuild   app      running     a moment ago   0s
20260208T101530Z-1f2e   rebuild   app      succeeded   3 hours ago    1m30s
l                       rebuild   app      lost        3 hours ago
`);
});

test('jobs ID shows the facts and the output, made harmless', async () => {
  await using api = await startStubApi({
    'jobs.get': { data: { ...failedJob, output: 'a\tb\u001b[2J\n\nend' } },
  });
  const { stdout, exitCode, stderr } = await runBin(['jobs', job.id], api);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const [facts, ...output] = stdout.split('\n\n');
  expect(facts?.replace(/(\w) (ago)? ?\(.*\)/g, '$1').split('\n')).toEqual([
    `Job         ${job.id}`,
    'Kind        rebuild',
    'Target      app',
    'State       failed',
    expect.stringMatching(/^Started {5}\d+ days$/),
    expect.stringMatching(/^Finished {4}\d+ days$/),
    'Duration    1m30s',
    'Exit code   17',
  ]);
  expect(output.join('\n\n')).toBe('a\tb\\x1b[2J\n\nend\n');
  expect(api.calls[0]?.input).toEqual({ id: job.id });
});

test('jobs ID -f prints the output as it comes and exits with 0 when the job succeeded', async () => {
  await using api = await startStubApi({
    'jobs.output': { stream: jobOutput },
    'jobs.get': [{ data: { ...job, state: 'running', finishedAt: null } }, { data: job }],
  });
  expect(await runBin(['jobs', job.id, '-f'], api)).toEqual({
    exitCode: 0,
    stdout: text,
    stderr: '',
  });
});

test.each([
  { ended: failedJob, says: 'rebuild app failed with exit code 17' },
  {
    ended: { ...job, state: 'lost', exitCode: null, finishedAt: null },
    says: 'rebuild app was lost: the VM went down before it had ended',
  },
])('jobs ID -f exits with 1 when the job $ended.state', async ({ ended, says }) => {
  await using api = await startStubApi({ ...healthy, 'jobs.get': { data: ended } });
  expect(await runBin(['jobs', job.id, '-f'], api)).toEqual({
    exitCode: 1,
    stdout: text,
    stderr: `ondemand: ${says}\n`,
  });
});

test('jobs -f without an ID is a usage error', async () => {
  await using api = await startStubApi(healthy);
  expect(await runBin(['jobs', '-f'], api)).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: 'ondemand: jobs --follow needs an ID; ondemand jobs lists them\n',
  });
});

test('a job that is not there exits with 4', async () => {
  await using api = await startStubApi({
    'jobs.get': refusal('NOT_FOUND', 'GET /jobs lists them', { job: 'x' }),
  });
  expect(await runBin(['jobs', 'x'], api)).toEqual({
    exitCode: 4,
    stdout: '',
    stderr: "ondemand: No job 'x' on oci-flex; ondemand jobs lists the last 50, which are kept\n",
  });
});

test('jobs cancel ID ends a job, and prints its id', async () => {
  await using api = await startStubApi(healthy);
  expect(await runBin(['jobs', 'cancel', job.id], api)).toMatchObject({
    exitCode: 0,
    stdout: `${job.id}\n`,
    stderr: '',
  });
  expect(api.calls).toMatchObject([{ procedure: 'jobs.cancel', input: { id: job.id } }]);
  const { stdout } = await runBin(['jobs', '--json', 'cancel', job.id], api);
  expect(JSON.parse(stdout)).toMatchObject({ id: job.id, state: 'cancelled' });
});

test('jobs cancel of a job that has ended is a conflict, and needs an ID', async () => {
  await using api = await startStubApi({
    'jobs.cancel': refusal('CONFLICT', 'The job has ended already: it failed', { state: 'failed' }),
  });
  expect(await runBin(['jobs', 'cancel', job.id], api)).toMatchObject({
    exitCode: 5,
    stderr: expect.stringContaining('has ended already: it failed'),
  });
  expect(await runBin(['jobs', 'cancel'], api)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('jobs cancel needs ID'),
  });
});
