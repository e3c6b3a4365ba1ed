// What the server says of its configuration at start, as a process with an environment and an env file.

import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePort, type Sandbox, startSandbox } from '@ondemand/sandbox';
import { beforeAll, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { type RunResult, run } from '../support/run.ts';
import { startServerHere } from '../support/start-api-in-this-process.ts';
import { startServer } from '../support/start-api-process.ts';
import { until } from '../support/until.ts';
import { report } from './reports.ts';

const atRoot = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const bin = atRoot('packages/server/bin/ondemand-server.js');

let sandbox: Sandbox;
let folder = '';
let nobody = '';
beforeAll(() =>
  openSuite(async (opened) => {
    folder = await mkdtemp(join(tmpdir(), 'ondemand-configuration-'));
    opened.add(() => rm(folder, { recursive: true }));
    sandbox = opened.use(await startSandbox());
    nobody = `http://127.0.0.1:${await findFreePort()}`;
  }),
);

async function write(name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

/** A start that ends at once, as something required is missing; with what it says of all the rest. */
async function refuse(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const result: RunResult = await run(argv, {
    env: {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      TURBO_CACHE_DIR: process.env.TURBO_CACHE_DIR,
      ...env,
    },
  });
  expect(result).toMatchObject({ exitCode: 2, stdout: '' });
  expect(result.stderr).not.toMatch(/\n {4}at /);
  return result.stderr;
}

test(
  report(8, 'COMPOSE_ROOTS left out is told at start, given it is not, and the example has it'),
  async () => {
    const warned = /^COMPOSE_ROOTS: left out.*any image can bring labels along.*\/srv\/stacks/;
    for (const [roots, expected] of [
      [undefined, true],
      ['/srv', false],
    ] as const) {
      await using server = await startServer({ ...sandbox.env, COMPOSE_ROOTS: roots });
      const problems = server.logs().map(({ problem }) => String(problem));
      expect(problems.some((problem) => warned.test(problem))).toBe(expected);
    }
    const page = await readFile(atRoot('docs/getting-started.md'), 'utf8');
    expect(page).toMatch(/^COMPOSE_ROOTS=\/srv\/stacks$/m);
  },
);

test.each([
  [
    'a slash too many',
    (issuer: string) => `${issuer}/`,
    (issuer: string) => `it is ${issuer}, OIDC_ISSUER is ${issuer}/`,
  ],
  [
    'a path that leads nowhere',
    (issuer: string) => `${issuer}/auth`,
    (issuer: string) => `at ${issuer} there is one that says it is ${issuer}`,
  ],
  ['nobody there', () => nobody, () => 'ECONNREFUSED'],
])(report(15, 'an OIDC_ISSUER with %s is told at start'), async (_what, wrong, words) => {
  const issuer = sandbox.env.OIDC_ISSUER ?? '';
  await using server = await startServerHere({ ...sandbox.env, OIDC_ISSUER: wrong(issuer) });
  const told = () => server.logs().find(({ msg }) => /no token can be checked/.test(String(msg)));
  const line = await until('the warning', told);
  expect(line.msg).toContain(words(issuer));
});

test(
  report(16, 'an env file is read from behind its mark, and refused by the number of a line'),
  async () => {
    const lines = [
      '\uFEFFCOMPOSE_ROOTS=/srv',
      'export OIDC_CLIENT_ID = "api" # ours\r',
      '; an old comment',
      'OIDC_CLIENT_SECRET=hunter22#def',
      "SSH_USER='a b'",
      'SSH_USER=me',
      '[section]',
      'SSH_PORT: 22',
    ];
    const file = await write('odd.env', lines.join('\n'));
    for (const argv of [[bin], [process.execPath, bin]]) {
      const said = await refuse([...argv, '--env-file', file]);
      for (const line of [3, 7, 8]) expect(said).toContain(`${file}: line ${line}: `);
      expect(said).not.toMatch(/line [124-6]:|COMPOSE_ROOTS/);
      expect(said).toMatch(/OIDC_CLIENT_SECRET: .*#.*quote the value/);
      expect(said).toMatch(/SSH_USER: .*more than once.*line 6/);
      // It is there, and so is its client.
      expect(said).not.toMatch(/OIDC_CLIENT_(ID|SECRET): needs/);
      expect(said).not.toContain('hunter22');
    }
  },
);

test(report(17, 'names that do not exist are told with the ones meant'), async () => {
  const file = await write('names.env', 'OIDC_AUDIANCE=x\nWHATEVER=1\n');
  const said = await refuse([bin, '--env-file', file], {
    SSH_KEY_FILE: 'x',
    OCI_CLI_AUTH: 'api_key',
  });
  expect(said).toMatch(/OIDC_AUDIANCE: there is no such variable.*did you mean OIDC_AUDIENCE\?/);
  expect(said).toMatch(/WHATEVER: there is no such variable/);
  expect(said).toMatch(/SSH_KEY_FILE: there is no such variable/);
  expect(said).not.toContain('OCI_CLI_AUTH');
});

test.each([
  ['by its first line', () => [bin]],
  ['by node --', () => [process.execPath, '--', bin]],
  ['by node, behind --', () => [process.execPath, bin, '--']],
  ['by pnpm serve --', () => [process.execPath, atRoot('scripts/start-api.mjs'), '--']],
])(
  report(18, 'an --env-file that is not there is told in our own line, started %s'),
  async (_how, argv) => {
    const missing = join(folder, 'missing.env');
    const said = await refuse([...argv(), '--env-file', missing]);
    expect(said).toContain(`--env-file ${missing}: cannot be read (ENOENT)`);
    expect(said).not.toContain('OIDC_ISSUER');
  },
);

test(report(18, 'a folder in place of the env file, and two files, are told'), async () => {
  await mkdir(join(folder, 'a-folder'));
  expect(await refuse([bin, '--env-file', join(folder, 'a-folder')])).toContain('EISDIR');
  expect(await refuse([bin, '--env-file', '/a', '--env-file', '/b'])).toContain('takes one file');
});

test.each([
  ['opc@vm.example.com', /the user goes into SSH_USER/],
  ['[::1]', /without brackets/],
  ['[2001:db8::1]:22', /the port goes into SSH_PORT/],
  ['vm.example.com:22', /the port goes into SSH_PORT/],
  ['ssh://vm.example.com', /not a URL/],
])(report(19, 'SSH_HOST=%s is refused with what is wrong'), async (host, words) => {
  const said = await refuse([bin], { SSH_HOST: host });
  expect(said).toMatch(/^ {2}SSH_HOST: /m);
  expect(said).toMatch(words);
});

test(
  report(20, 'an env file, keys and secrets that others may read are told with the chmod'),
  async () => {
    const key = await write('ssh-key', 'x', 0o640);
    const ociKey = await write('oci.pem', 'x', 0o604);
    const secret = await write('secret', 'x', 0o644);
    const config = await write(
      'oci-config',
      `[DEFAULT]\nkey_file=${ociKey}\npass_phrase=x\n`,
      0o644,
    );
    const variables = {
      SSH_PRIVATE_KEY_FILE: key,
      SSH_PRIVATE_KEY_PASSPHRASE: 'x',
      OIDC_CLIENT_SECRET_FILE: secret,
      OCI_CONFIG_FILE: config,
    };
    const text = Object.entries(variables)
      .map((pair) => pair.join('='))
      .join('\n');
    const file = await write('open.env', text, 0o644);
    const files = [file, key, ociKey, secret, config];
    const said = await refuse([bin, '--env-file', file]);
    for (const path of files) expect(said).toContain(`run chmod 600 ${path}\n`);
    await Promise.all(files.map((path) => chmod(path, 0o600)));
    expect(await refuse([bin, '--env-file', file])).not.toContain('chmod');
  },
);

test(report(21, 'ondemand.env.example lists every variable, and is an env file'), async () => {
  const path = atRoot('ondemand.env.example');
  const example = await readFile(path, 'utf8');
  const { stdout: help } = await run([bin, '--help']);
  const names = [...help.matchAll(/^ {2}([A-Z][A-Z_]+)\b/gm)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(30);
  for (const name of names) expect.soft(example).toMatch(new RegExp(`^#?${name}=`, 'm'));
  const said = await refuse([bin, '--env-file', path]);
  expect(said).not.toMatch(/line \d+:|no such variable/);
  // With every value that it suggests.
  const all = await write('all.env', example.replace(/^#(?=[A-Z_]+=)/gm, ''));
  const problems = await refuse([bin, '--env-file', all]);
  expect(problems).not.toMatch(/line \d+:|no such variable|must be/);
});
