import { expect, test } from 'vitest';
import { healthy } from './testing/fixtures.test-support.ts';
import { runHere } from './testing/run-here.test-support.ts';
import { refusal, startStubApi } from './testing/stub-api.test-support.ts';

test.each([
  ['BAD_REQUEST', 2],
  ['UNAUTHORIZED', 3],
  ['FORBIDDEN', 3],
  ['NOT_FOUND', 4],
  ['CONFLICT', 5],
  ['TOO_MANY_REQUESTS', 6],
  ['INTERNAL_ERROR', 1],
  ['SERVICE_UNAVAILABLE', 6],
] as const)('%s becomes exit code %i and one line on stderr', async (code, exitCode) => {
  await using api = await startStubApi({
    'containers.list': refusal(code, 'It went\nwrong \u001b[2J here', { name: 'x' }),
  });
  const result = await runHere(['ps'], api);
  expect(result).toMatchObject({ exitCode, stdout: '' });
  expect(result.stderr).toMatch(/^ondemand: It went wrong \\x1b\[2J here.*\n$/);
  const json = await runHere(['ps', '--json'], api);
  expect(json).toMatchObject({ exitCode, stdout: '' });
  expect(json.stderr).toMatch(/^[^\n]*\n$/);
  expect(JSON.parse(json.stderr)).toEqual({
    error: 'Fixed text',
    code,
    message: 'It went\nwrong \u001b[2J here',
    details: { name: 'x', requestId: 'req-1' },
  });
});

test.each([
  [['frob', '--json'], 2, 'BAD_REQUEST', "unknown command 'frob'"],
  [['ps', '--json', '--context', 'x'], 2, 'BAD_REQUEST', "there is no context 'x'"],
  [['ps', '--json'], 3, 'UNAUTHORIZED', 'Not authenticated'],
  [['ps', '--json', '--url', 'http://127.0.0.1:9'], 6, 'NETWORK_ERROR', '127.0.0.1:9'],
])(
  'a failure of the CLI itself, as of %j, has the same shape under --json',
  async (args, exitCode, code, message) => {
    const env = args.includes('--url') ? { ONDEMAND_TOKEN: 'own' } : {};
    const { stdout, stderr, ...result } = await runHere(args, { env });
    expect({ ...result, stdout }).toEqual({ exitCode, stdout: '' });
    expect(JSON.parse(stderr)).toEqual({
      error: expect.stringMatching(/^[A-Z][\w ]+$/),
      code,
      message: expect.stringContaining(message),
      details: expect.any(Object),
    });
  },
);

test('a URL with a path too many exits with 1 and says where to look', async () => {
  await using api = await startStubApi(healthy);
  for (const args of [['ps'], ['whoami'], ['restart', 'nginx']]) {
    const result = await runHere([...args, '--url', `${api.url}/api`], api);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(
      /^ondemand: .*does not know this call; ONDEMAND_URL or --url .*\n$/,
    );
  }
});

test('status with a refused token is one line', async () => {
  const refused = refusal('UNAUTHORIZED', 'The token has expired');
  await using api = await startStubApi({ 'vm.status': refused, 'containers.list': refused });
  expect(await runHere(['status'], api)).toEqual({
    exitCode: 3,
    stdout: '',
    stderr: 'ondemand: The token has expired; set ONDEMAND_TOKEN to a valid access token\n',
  });
});

test.each(['stop', 'reboot', 'reset'])(
  'vm %s without a terminal needs --yes and asks the API nothing',
  async (verb) => {
    await using api = await startStubApi(healthy);
    expect(await runHere(['vm', verb], api)).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `ondemand: vm ${verb} asks first, but there is no terminal to ask in; add --yes\n`,
    });
    expect(api.calls).toEqual([]);
  },
);

test('without a token every command says where to put one and exits with 3', async () => {
  await using api = await startStubApi(healthy);
  const result = await runHere(['ps'], { env: { ONDEMAND_URL: api.url, ONDEMAND_TOKEN: ' ' } });
  expect(result).toMatchObject({ exitCode: 3, stdout: '' });
  expect(result.stderr).toMatch(/^ondemand: .*ONDEMAND_TOKEN is not set.*\n$/);
  expect(api.calls).toEqual([]);
});

test('a token that cannot be one exits with 3 and is not shown', async () => {
  const result = await runHere(['ps'], {
    url: 'http://127.0.0.1:9',
    env: { ONDEMAND_TOKEN: 'sec ret' },
  });
  expect(result).toMatchObject({ exitCode: 3, stdout: '' });
  expect(result.stderr).not.toContain('sec ret');
});

test.each(['nonsense', 'ftp://host', 'http://user:pass@host', 'http://host/?a=b'])(
  '--url %s is a usage error that does not repeat it',
  async (url) => {
    const result = await runHere(['ps', '--url', url], { url: 'http://127.0.0.1:9' });
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toMatch(/^ondemand: --url needs an http or https URL .*\n$/);
    expect(result.stderr).not.toContain(url);
  },
);

test('--url wins over ONDEMAND_URL', async () => {
  await using api = await startStubApi(healthy);
  const result = await runHere(['ps', '-q', '--url', api.url], { url: 'http://127.0.0.1:9' });
  expect(result).toMatchObject({ exitCode: 0, stdout: 'backup\nnginx\n' });
});

test('an API that is not there exits with 6 and says where it was looked for', async () => {
  const { url } = await closedApi();
  const result = await runHere(['ps'], { url });
  expect(result).toMatchObject({ exitCode: 6, stdout: '' });
  expect(result.stderr).toMatch(new RegExp(`^ondemand: .*${url}.*ONDEMAND_URL.*\n$`));
});

/** Where nothing listens any more. */
async function closedApi(): Promise<{ url: string }> {
  await using api = await startStubApi({});
  return { url: api.url };
}
