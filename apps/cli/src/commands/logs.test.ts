import { expect, test } from 'vitest';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { lines, log } from '../testing/fixtures.test-support.ts';
import { refusal, startStubApi } from '../testing/stub-api.test-support.ts';
import { openStream } from '../testing/stub-stream.test-support.ts';

const missing = refusal('NOT_FOUND', "No container named 'ap' on oci-flex", { name: 'ap' });
const nameOf = (input: unknown) => (input as { name: string }).name;
const plain = { NO_COLOR: '1' };

test('of several containers each line comes behind its name, in the order they were named', async () => {
  await using api = await startStubApi({
    'containers.logs': (input) => ({
      data: { ...log, container: nameOf(input), logs: 'one\n\ntwo' },
    }),
  });
  const run = runInTerminal(['logs', 'nginx', 'db', 'nginx'], { ...api, env: plain });
  expect(await run.exitCode).toBe(0);
  expect(run.stdout()).toBe(
    'nginx | one\nnginx | \nnginx | two\ndb    | one\ndb    | \ndb    | two\n',
  );
});

test('a terminal shows each name in a colour of its own', async () => {
  await using api = await startStubApi({ 'containers.logs': { data: log } });
  const run = runInTerminal(['logs', 'a', 'b'], api);
  await run.exitCode;
  expect(run.stdout()).toContain('\u001b[36ma | \u001b[39mone\n');
  expect(run.stdout()).toContain('\u001b[33mb | \u001b[39mone\n');
});

test('one name that is missing does not lose the others, and ends with its exit code', async () => {
  await using api = await startStubApi({
    'containers.logs': (input) => (nameOf(input) === 'ap' ? missing : { data: log }),
    'containers.list': { data: [{ name: 'app' }] },
  });
  const run = runInTerminal(['logs', 'ap', 'nginx'], { ...api, env: plain });
  expect(await run.exitCode).toBe(4);
  expect(run.stdout()).toContain('nginx | one\n');
  expect(run.stderr()).toContain("ondemand: logs ap: No container named 'ap' on oci-flex");
  expect(run.stderr()).toContain("did you mean 'app'?");
});

test('several are followed at once until all have ended, whichever is missing', async () => {
  await using api = await startStubApi({
    'containers.followLogs': (input) => {
      if (nameOf(input) === 'ap') return missing;
      return { stream: nameOf(input) === 'db' ? [lines[0]] : [lines[0], lines[0]] };
    },
    'containers.list': { data: [] },
  });
  const run = runInTerminal(['logs', 'nginx', 'db', 'ap', '-f'], { ...api, env: plain });
  expect(await run.exitCode).toBe(4);
  expect(run.stdout().split('\n').toSorted()).toEqual([
    '',
    'db    | one',
    'nginx | one',
    'nginx | one',
  ]);
});

test('Ctrl-C ends all that are followed with 130', async () => {
  const interrupt = new AbortController();
  await using api = await startStubApi({
    'containers.followLogs': () => ({ stream: openStream(lines[0]) }),
  });
  const run = runInTerminal(['logs', 'a', 'b', '-f'], { ...api, signal: interrupt.signal });
  await expect.poll(() => run.stdout().split('one\n').length).toBe(3);
  interrupt.abort();
  expect(await run.exitCode).toBe(130);
  await expect.poll(api.underWay).toBe(0);
});

test('--json of several has a document a line, each with its container', async () => {
  await using api = await startStubApi({
    'containers.logs': (input) => ({ data: { ...log, container: nameOf(input) } }),
    'containers.followLogs': () => ({ stream: [lines[0]] }),
  });
  const documents = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const whole = runInTerminal(['logs', 'a', 'b', '--json'], api);
  expect(await whole.exitCode).toBe(0);
  expect(documents(whole.stdout())).toMatchObject([{ container: 'a' }, { container: 'b' }]);
  const followed = runInTerminal(['logs', 'a', 'b', '-t', '--json'], api);
  expect(await followed.exitCode).toBe(0);
  expect(documents(followed.stdout())).toEqual(
    expect.arrayContaining([
      { container: 'a', ...lines[0] },
      { container: 'b', ...lines[0] },
    ]),
  );
});
