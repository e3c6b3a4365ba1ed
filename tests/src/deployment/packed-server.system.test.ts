// The server as it is installed elsewhere: one file, which needs neither this workspace nor a registry.

import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '@ondemand/sandbox';
import { beforeAll, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { packServer } from '../support/pack-server.ts';
import { run, runOk } from '../support/run.ts';
import { startServer } from '../support/start-api-process.ts';

let folder = '';
let installed = '';
beforeAll(() =>
  openSuite(async (opened) => {
    folder = await mkdtemp(join(tmpdir(), 'ondemand-packed-'));
    opened.add(() => rm(folder, { recursive: true }));
    const tarball = await packServer(folder);
    await npm('install', tarball);
    installed = join(folder, 'lib/node_modules/@ondemand/server');
  }),
);

test('the packed server holds what it needs to run and nothing else, in less than 20 MB', async () => {
  const names = await readdir(installed, { recursive: true });
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(installed, name))).size),
  );
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(20e6);
  expect(names.filter((name) => /\.map$|(?<!\.d)\.ts$|node_modules|test/.test(name))).toEqual([]);
  expect(new Set(names.map((name) => name.split('/', 1)[0]))).toEqual(
    new Set(['LICENSE', 'README.md', 'bin', 'dist', 'package.json', 'page']),
  );
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  expect(Object.keys(manifest)).not.toContain('dependencies');
  expect(Object.keys(manifest)).not.toContain('optionalDependencies');
});

test('it runs alone by its --env-file: the API, the page, the docs, the connection to the VM', async () => {
  await using sandbox = await startSandbox();
  const envFile = join(folder, 'ondemand.env');
  const lines = Object.entries(sandbox.env).map(([name, value]) => `${name}='${value}'\n`);
  await writeFile(envFile, lines.join(''), { mode: 0o600 });
  const bin = join(folder, 'bin/ondemand-server');
  await using server = await startServer({ METRICS_PORT: 'off' }, [bin, '--env-file', envFile]);
  const get = async (path: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${server.url}${path}`, { headers });
    expect({ path, status: response.status }).toEqual({ path, status: 200 });
    return response.text();
  };
  const page = await get('/');
  const [script = ''] = /page\/index-[\w-]+\.js/.exec(page) ?? [];
  expect((await get(`/${script}`)).length).toBeGreaterThan(10_000);
  const docs = await get('/docs/');
  for (const [, file] of docs.matchAll(/(?:src|href)="\.\/([^"]+)"/g)) await get(`/docs/${file}`);
  expect((await get('/openapi.yaml')).includes('/containers/{name}/restart')).toBe(true);
  expect(await get('/containers', await sandbox.tokens.read())).toContain('"name":"nginx"');
  const { port } = new URL(server.url);
  expect((await run([bin, '--health'], { env: { ...process.env, PORT: port } })).exitCode).toBe(0);
});

test('its library is to be had without the workspace, too', async () => {
  const code = `import { createServer } from ${JSON.stringify(join(installed, 'dist/bundle/index.js'))}; console.log(typeof createServer)`;
  const argv = [process.execPath, '--input-type=module', '--eval', code];
  expect((await runOk(argv, { cwd: folder })).trim()).toBe('function');
});

test('it is uninstalled without a trace', async () => {
  await npm('uninstall', '@ondemand/server');
  expect(await readdir(join(folder, 'lib/node_modules/@ondemand'))).toEqual([]);
  expect(await readdir(join(folder, 'bin'))).toEqual([]);
});

/** Without a registry, so whatever it would want of one is missing. */
function npm(command: string, what: string): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: folder };
  const argv = ['npm', command, '--global', '--offline', '--prefix', '.', what];
  return runOk(argv, { cwd: folder, env });
}
