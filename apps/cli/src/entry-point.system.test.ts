// What a start of the command costs: the modules it loads, and the package that it needs.

import { execFile } from 'node:child_process';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { healthy, table } from './testing/fixtures.test-support.ts';
import { runBin, token } from './testing/run-bin.test-support.ts';
import { startStubApi } from './testing/stub-api.test-support.ts';

const run = promisify(execFile);
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ondemand-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('--version loads its one file, ps the files of four and an HTTP client, and neither fetch nor TLS', async () => {
  const version = await findLoaded(['--version']);
  expect(version.files).toEqual(['ondemand.js', 'entry-point.cjs']);
  await using api = await startStubApi(healthy);
  const ps = await findLoaded(['ps'], api.url);
  const own = ['client.cjs', 'entry-point.cjs', 'main.cjs', 'ondemand.js', 'ps.cjs', 'shared.cjs'];
  expect(ps.files.toSorted()).toEqual(own);
  expect(ps.builtins).toContain('http');
  for (const builtin of ['internal/deps/undici/undici', 'tls', 'http2', 'crypto', 'readline'])
    expect(ps.builtins).not.toContain(builtin);
});

test('the tarball installs with npm alone, without another package, and runs, also by npx; man finds its page', async () => {
  const packageFolder = fileURLToPath(new URL('..', import.meta.url));
  await pack(packageFolder, folder);
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  const prefix = join(folder, 'prefix');
  const env = { PATH: process.env.PATH, HOME: folder, npm_config_update_notifier: 'false' };
  await run(
    'npm',
    ['install', '--global', '--offline', '--no-audit', '--prefix', prefix, join(folder, tarball)],
    { cwd: folder, env },
  );
  const installed = join(prefix, 'lib/node_modules/@ondemand/cli');
  expect((await readdir(installed)).toSorted()).toEqual([
    'LICENSE',
    'README.md',
    'bin',
    'dist',
    'package.json',
  ]);
  await using api = await startStubApi(healthy);
  const ps = await run(join(prefix, 'bin/ondemand'), ['ps'], {
    cwd: '/',
    env: { ...env, ONDEMAND_URL: api.url, ONDEMAND_TOKEN: token },
  });
  expect(ps).toEqual({ stdout: table, stderr: '' });
  const page = await realpath(join(prefix, 'share/man/man1/ondemand.1'));
  expect(page).toBe(await realpath(join(installed, 'dist/ondemand.1')));
  expect(await readFile(page, 'utf8')).toContain('.SH ONDEMAND VM STOP\n');
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  expect(manifest.dependencies).toBeUndefined();
  expect(JSON.stringify(manifest)).not.toContain('workspace:');
  const npx = ['--yes', '--offline', '--package', join(folder, tarball), 'ondemand', '--version'];
  const { stdout } = await run('npx', npx, { cwd: folder, env });
  expect(stdout).toBe(`ondemand ${manifest.version}\n`);
});

test('compiled code is kept in a folder of this user alone, and in none that others may write', async () => {
  const cache = join(folder, 'cache');
  const kept = join(cache, 'ondemand');
  expect(await findCache(cache)).toBe(kept);
  for (const made of [cache, kept]) expect((await stat(made)).mode & 0o777).toBe(0o700);
  await chmod(kept, 0o755);
  expect(await findCache(cache)).toBe(kept);
  for (const mode of [0o775, 0o757]) {
    await chmod(kept, mode);
    expect(await findCache(cache)).toBe('');
  }
  await chmod(kept, 0o755);
  if (process.getuid?.() === 0) {
    await chown(kept, 65_534, 65_534);
    expect(await findCache(cache)).toBe('');
  }
  const others = join(folder, 'others');
  await mkdir(others);
  await symlink(kept, join(others, 'ondemand'));
  expect(await findCache(others)).toBe('');
  await writeFile(join(folder, 'file'), '');
  expect(await findCache(join(folder, 'file'))).toBe('');
  expect(await findCache('', { HOME: '.' })).toBe('');
});

/** The folder that Node is told to keep compiled code in, also where it is too old for that. */
async function findCache(
  cache: string,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const report = join(folder, 'cache.txt');
  const hook = join(folder, 'cache-hook.cjs');
  await writeFile(report, '');
  await writeFile(
    hook,
    `require('node:module').enableCompileCache = (folder) =>
      require('node:fs').writeFileSync(${JSON.stringify(report)}, folder);`,
  );
  const env = { NODE_OPTIONS: `--require ${hook}`, XDG_CACHE_HOME: cache, ...more };
  const { exitCode, stderr } = await runBin(['--help'], { env });
  expect([exitCode, stderr]).toEqual([0, '']);
  return readFile(report, 'utf8');
}

/** What Node had loaded when the command ended. */
async function findLoaded(args: readonly string[], url?: string) {
  const report = join(folder, 'loaded.json');
  const hook = join(folder, 'hook.cjs');
  await writeFile(
    hook,
    `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(report)},
      JSON.stringify([process.moduleLoadList, Object.keys(require.cache)])));`,
  );
  const env = { NODE_OPTIONS: `--require ${hook}` };
  const { exitCode, stderr } = await runBin(args, { ...(url !== undefined && { url }), env });
  expect([exitCode, stderr]).toEqual([0, '']);
  const [builtins, files] = JSON.parse(await readFile(report, 'utf8')) as [string[], string[]]; // as written above
  return {
    builtins: builtins.map((name) => name.replace('NativeModule ', '')),
    files: files.filter((path) => path !== hook).map((path) => path.replace(/.*\//, '')),
  };
}

/** With the pnpm that runs the tests, else one that npm has in its cache: never from the network. */
async function pack(cwd: string, destination: string): Promise<void> {
  const { npm_execpath: path = '' } = process.env;
  const [command, ...args] = /pnpm/.test(path)
    ? [process.execPath, path]
    : ['npx', '--yes', '--offline', 'pnpm@10'];
  await run(command, [...args, 'pack', '--pack-destination', destination], { cwd });
}
