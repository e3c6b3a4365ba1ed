// Where the configuration comes from: what wins, what is refused, and what is only warned of.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { readEnvironment } from './read-environment.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function write(text: string, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), 'ondemand-environment-'));
  folders.push(folder);
  const path = join(folder, 'file');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('the env file', () => {
  test('yields to the process, whose empty variables hide nothing', () => {
    const file = write('PORT=1\nHOST=::1\nSSH_USER=me');
    const { environment } = readEnvironment({ PORT: '2', HOST: '' }, file);
    expect(environment).toMatchObject({ PORT: '2', HOST: '::1', SSH_USER: 'me' });
  });

  test('is not hidden by what Node itself, given the same option, made of it', () => {
    const file = write('OIDC_CLIENT_SECRET=abc#def\nSSH_USER=me');
    const { environment } = readEnvironment({ OIDC_CLIENT_SECRET: 'abc', SSH_USER: 'you' }, file);
    expect(environment).toMatchObject({ OIDC_CLIENT_SECRET: 'abc#def', SSH_USER: 'you' });
  });

  test('is all that is told of where it is not there', () => {
    expect(readEnvironment({}, '/nowhere/x.env')).toEqual({
      environment: undefined,
      problems: ['--env-file /nowhere/x.env: cannot be read (ENOENT)'],
      warnings: [],
    });
  });

  test('is refused by the number of a line that is not understood', () => {
    const file = write('\uFEFFCOMPOSE_ROOTS=/srv\n; old\n');
    const { environment, problems } = readEnvironment({}, file);
    expect(environment).toMatchObject({ COMPOSE_ROOTS: '/srv' });
    expect(problems).toEqual([expect.stringContaining(`${file}: line 2: `)]);
  });

  test('with a secret in it that others may read is warned of, with the chmod', () => {
    const file = write('OIDC_CLIENT_SECRET=x', 0o644);
    expect(readEnvironment({}, file).warnings.join()).toContain(`chmod 600 ${file}`);
    expect(readEnvironment({}, write('PORT=1', 0o644)).warnings).toEqual([]);
  });
});

describe('a secret in a file of its own', () => {
  test.each(['OIDC_CLIENT_SECRET', 'SSH_PRIVATE_KEY_PASSPHRASE'])('is taken for %s', (name) => {
    const { environment, problems, warnings } = readEnvironment({
      [`${name}_FILE`]: write('abc#d e\n'),
    });
    expect(environment?.[name]).toBe('abc#d e');
    expect([...problems, ...warnings]).toEqual([]);
  });

  test.each([
    [' sp ace \n', ' sp ace '],
    ['\tx\r\n', '\tx'],
    ['x\n\n', 'x'],
    ['\uFEFFx', 'x'],
  ])('%j is %j: only the end of its line is cut off', (text, secret) => {
    const { environment } = readEnvironment({ SSH_PRIVATE_KEY_PASSPHRASE_FILE: write(text) });
    expect(environment?.SSH_PRIVATE_KEY_PASSPHRASE).toBe(secret);
  });

  test('may be below the home folder', () => {
    const path = write('abc');
    vi.stubEnv('HOME', dirname(path));
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const { environment, problems } = readEnvironment({
      OIDC_CLIENT_SECRET_FILE: ` ~/${basename(path)}\r`,
    });
    expect(environment?.OIDC_CLIENT_SECRET).toBe('abc');
    expect(problems).toEqual([]);
  });

  test('is refused beside the secret itself, when it is empty and when it is not there', () => {
    const path = write('\n');
    const problemsOf = (given: Record<string, string>) => readEnvironment(given).problems;
    expect(problemsOf({ OIDC_CLIENT_SECRET: 'a', OIDC_CLIENT_SECRET_FILE: path })).toEqual([
      'OIDC_CLIENT_SECRET_FILE: OIDC_CLIENT_SECRET is given too; keep one of the two',
    ]);
    expect(problemsOf({ OIDC_CLIENT_SECRET_FILE: path })).toEqual([
      `OIDC_CLIENT_SECRET_FILE: ${path} is empty`,
    ]);
    expect(problemsOf({ OIDC_CLIENT_SECRET_FILE: `${path}x` })).toEqual([
      `OIDC_CLIENT_SECRET_FILE: ${path}x cannot be read (ENOENT)`,
    ]);
  });

  test('that others may read is warned of, with the chmod', () => {
    const path = write('abc', 0o640);
    expect(readEnvironment({ OIDC_CLIENT_SECRET_FILE: path }).warnings).toEqual([
      expect.stringMatching(/^OIDC_CLIENT_SECRET_FILE: .*chmod 600 /),
    ]);
  });
});

describe('a variable that does not exist', () => {
  test.each([
    ['OIDC_AUDIANCE', 'OIDC_AUDIENCE'],
    ['OCI_INSTANCEID', 'OCI_INSTANCE_ID'],
    ['SSH_USERNAME', 'SSH_USER'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['COMPOSE_ROOT', 'COMPOSE_ROOTS'],
    ['PUBLICURL', 'PUBLIC_URL'],
    ['OIDC_CLIENT_SECRET_FILES', 'OIDC_CLIENT_SECRET_FILE'],
  ])('%s is a warning that asks for %s', (name, meant) => {
    expect(readEnvironment({ [name]: 'x' }).warnings).toEqual([
      expect.stringMatching(`^${name}: .*did you mean ${meant}\\?$`),
    ]);
  });

  test('under one of our prefixes is told even where nothing is close', () => {
    expect(readEnvironment({ SSH_KEY: 'x', OIDC_PROVIDER_ADDRESS: 'y' }).warnings).toHaveLength(2);
  });

  test('is told whatever its name is, when it stands in our own file', () => {
    expect(readEnvironment({ PATH: '/bin' }, write('WHATEVER=1')).warnings).toEqual([
      expect.stringMatching(/^WHATEVER: /),
    ]);
  });

  test.each([
    'SSH_AGENT_PID',
    'SSH_CONNECTION',
    'SSH_ASKPASS_REQUIRE',
    'OCI_CLI_AUTH',
    'OCI_RESOURCE_PRINCIPAL_VERSION',
    'DOCKER_HOST',
    'DOCKER_BUILDKIT',
    'COMPOSE_PROJECT_NAME',
    'COMPOSE_FILE',
    'HOSTNAME',
    'LOGNAME',
    'npm_config_user_agent',
  ])('%s of somebody else is none of our business', (name) => {
    expect(readEnvironment({ [name]: 'x' }).warnings).toEqual([]);
  });
});
