// What `pnpm pack` makes, in a project of its own far from this workspace: it installs, compiles and runs alone.

import { execFile } from 'node:child_process';
import {
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
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, result, startCannedApi } from './testing/canned-api.test-support.ts';
import { openStream } from './testing/canned-stream.test-support.ts';
import { openEditor } from './testing/editor-hover.test-support.ts';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
const runFile = promisify(execFile);

let project = '';
let installed = '';

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'ondemand-client-'));
  installed = join(project, 'node_modules', '@ondemand', 'client');
  await mkdir(installed, { recursive: true });
  await mkdir(join(project, 'packed'));
  await pack(join(project, 'packed'));
  const [tarball = ''] = await readdir(join(project, 'packed'));
  await run('tar', [
    '-xzf',
    join(project, 'packed', tarball),
    '-C',
    installed,
    '--strip-components=1',
  ]);
  await link('eventsource-parser');
  await link('@types/node');
  await writeFile(join(project, 'package.json'), '{ "type": "module", "private": true }');
});
afterAll(() => rm(project, { recursive: true, force: true }));

test('the package holds what was built and its README, no tests and no sources', async () => {
  const files = await readdir(installed, { recursive: true });
  expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'dist/index.js']));
  expect(files.filter((file) => !/^(dist|package\.json|README\.md|LICENSE)/.test(file))).toEqual(
    [],
  );
  expect(files.filter((file) => /test/.test(file))).toEqual([]);
});

test('the package depends on a parser of server-sent events only', async () => {
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  expect(Object.keys(manifest.dependencies)).toEqual(['eventsource-parser']);
  expect(JSON.stringify([manifest.dependencies, manifest.peerDependencies])).not.toContain(
    'workspace',
  );
});

test('its declarations import only each other', async () => {
  expect(await importsOf(/\.d\.ts$/)).toEqual([]);
});

test('its code imports only what it depends on and itself: nothing of the server, nothing of Node', async () => {
  expect(await importsOf(/\.js$/)).toEqual(['eventsource-parser']);
});

test('weighs under 1 MB with what it depends on', async () => {
  const folders = [installed, await realpath(join(project, 'node_modules/eventsource-parser'))];
  const sizes = await Promise.all(folders.map(sizeOf));
  expect(sizes[0] ?? Infinity).toBeLessThan(300_000);
  expect(sum(sizes)).toBeLessThan(1_000_000);
});

describe('an editor', () => {
  test('shows the texts of the API for each operation, input and field', async () => {
    const text = await readFile(join(installed, 'dist/client.d.ts'), 'utf8');
    const lines = text.split('\n');
    const fields = lines.flatMap((line, index) =>
      /^ +(?:readonly )?\w+\??: /.test(line) ? [index] : [],
    );
    expect(fields.length).toBeGreaterThan(200);
    expect(
      fields.filter((index) => !lines[index - 1]?.endsWith('*/')).map((index) => lines[index]),
    ).toEqual([]);
  });

  test('shows them where they are used', async () => {
    const program = `
      import { createClient, type Container } from '@ondemand/client';
      const ondemand = createClient({ url: 'http://127.0.0.1' });
      const { logs } = await ondemand.containers.logs.query({ name: 'nginx', lines: 50 });
      const first: Container | undefined = (await ondemand.containers.list.query())[0];
      console.log(first?.uptime, logs);
      await ondemand.vm.stop.mutate({ soft: true });
      for await (const event of ondemand.events.subscribe()) if (event.type === 'idle') event.stopsAt;
    `;
    await using editor = await openEditor(tsc, join(project, 'hovered.ts'), program);
    const document = JSON.parse(
      await readFile(join(packageFolder, '../../docs/openapi.json'), 'utf8'),
    );
    const { summary, description } = document.paths['/containers/{name}/logs'].get;
    expect(await editor.hover('logs.query')).toContain(
      `${summary}\n\n${description}\n\nScope \`read\``,
    );
    expect(await editor.hover('name:')).toMatch(/Container name or id$/);
    expect(await editor.hover('lines:')).toMatch(
      /How many of the last lines: 1 to 10000, 100 if left out$/,
    );
    expect(await editor.hover('logs }')).toContain('The last lines of stdout and stderr');
    expect(await editor.hover('Container |')).toMatch(/A container as `docker ps -a` shows it$/);
    expect(await editor.hover('uptime')).toMatch(/Container uptime$/);
    expect(await editor.hover('containers.list')).toContain('Docker container management');
    expect(await editor.hover('soft:')).toContain('Ask the operating system to shut down');
    expect(await editor.hover('stopsAt')).toMatch(/When it stops; null when it does not$/);
    expect(await editor.hover('url:')).toContain('Where the API is');
    expect(await editor.hover('mutate(')).toContain('Sends it once');
  });
});

describe('a program that imports only the package', () => {
  const program = `
    import { createClient, isApiError, type Container, type LogLine, type OnDemandClient } from '@ondemand/client';

    const ondemand: OnDemandClient = createClient({ url: process.argv[2] ?? '', token: 'a-token' });
    const containers = await ondemand.containers.list.query();
    const first: Container | undefined = containers[0];
    // @ts-expect-error a container has no such field
    first?.nonsense;
    const lines: string[] = containers.map(({ name, state, image, ports, uptime }) =>
      [name, state === 'running' ? 'up' : 'down', image, ports, uptime].join(' '));
    // @ts-expect-error Docker has no such state
    if (first?.state === 'asleep') lines.push('never');
    try {
      await ondemand.containers.restart.mutate({ name: 'ngnix' });
    } catch (error) {
      if (!isApiError(error, 'NOT_FOUND')) throw error;
      const code: 'NOT_FOUND' = error.code;
      lines.push([code, error.status, error.message, error.requestId].join(' '));
    }
    const followed: AsyncIterable<LogLine> = ondemand.containers.followLogs.subscribe({ name: 'web' });
    for await (const { line, stream } of followed) {
      // @ts-expect-error a container writes to nothing else
      if (stream === 'stdin') continue;
      lines.push(line);
      break;
    }
    console.log(lines.join('\\n'));
  `;

  test('lists containers with full types, gets a typed error, follows a log and then exits', async () => {
    await using api = await startCannedApi((request) => {
      if (request.url === '/trpc/containers.list')
        return result([
          { name: 'web', state: 'running', image: 'nginx', ports: '', uptime: 'Up 1 hour' },
        ]);
      if (request.method === 'GET')
        return (response) =>
          openStream(request, response).item('1', { line: 'a line', stream: 'stdout' });
      return failure(404, {
        code: 'NOT_FOUND',
        message: 'No ngnix',
        details: { requestId: 'r-1' },
      });
    });
    await compile({ 'program.ts': program }, { outDir: 'out', types: ['node'] });
    const { stdout } = await run(process.execPath, [join(project, 'out', 'program.js'), api.url]);
    expect(stdout).toBe('web up nginx  Up 1 hour\nNOT_FOUND 404 No ngnix r-1\na line\n');
    expect(api.requests[0]?.headers.authorization).toBe('Bearer a-token');
  });

  test.each([
    ['in Node, without the types of the web', { lib: ['es2022'], types: ['node'] }],
    ['in a browser, without the types of Node', { lib: ['es2022', 'dom'], types: [] }],
    ['through a bundler', { module: 'esnext', moduleResolution: 'bundler', types: ['node'] }],
  ])('compiles strictly %s', async (_where, options) => {
    const files = { 'program.ts': program.replace("process.argv[2] ?? ''", "'http://127.0.0.1'") };
    await compile(files, { noEmit: true, ...options });
  });
});

test('every example of the documentation compiles', async () => {
  const examples = [
    ...(await readExamples(join(packageFolder, 'README.md'))),
    ...(await readExamples(join(packageFolder, '../../docs/client.md'))),
    ...(await readExamples(join(installed, 'dist', 'client.d.ts'))),
    ...(await readExamples(join(installed, 'dist', 'errors.d.ts'))),
  ];
  expect(examples).toHaveLength(6);
  const files = examples.map((example, index) => [`example-${index}.ts`, toProgram(example)]);
  await compile(Object.fromEntries(files), { noEmit: true, types: ['node'] });
});

/** With the pnpm that runs the tests, else one that npm has in its cache: never from the network. */
async function pack(destination: string): Promise<void> {
  const { npm_execpath: path = '' } = process.env;
  const [command, ...args] = /pnpm/.test(path)
    ? [process.execPath, path]
    : ['npx', '--yes', '--offline', 'pnpm@10'];
  await run(command, [...args, 'pack', '--pack-destination', destination], packageFolder);
}

async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true });
  const found = await Promise.all(files.map((file) => stat(join(folder, file))));
  return sum(found.filter((each) => each.isFile()).map(({ size }) => size));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

async function link(name: string): Promise<void> {
  const folder = dirname(require.resolve(`${name}/package.json`));
  const target = join(project, 'node_modules', name);
  await mkdir(dirname(target), { recursive: true });
  await symlink(await realpath(folder), target, 'junction');
}

/** Fails with the compiler's words when it has any. */
async function compile(
  files: Readonly<Record<string, string>>,
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text);
  const strict = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false };
  const module = { module: 'nodenext', target: 'es2022', lib: ['es2022'] };
  const compilerOptions = { ...module, ...strict, ...options };
  const config = JSON.stringify({ compilerOptions, files: Object.keys(files) });
  await writeFile(join(project, 'tsconfig.json'), config);
  await run(process.execPath, [tsc, '-p', project]);
}

async function run(command: string, args: readonly string[], cwd = project) {
  return runFile(command, args, { cwd, timeout: 240_000 }).catch((error: Error) => {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }; // execFile adds both
    throw new Error(`${command} failed: ${error.message}\n${stdout}${stderr}`);
  });
}

/** What the package's files of this kind import that is not beside them. */
async function importsOf(kind: RegExp): Promise<string[]> {
  const names = await readdir(join(installed, 'dist'), { recursive: true });
  const found = new Set<string>();
  for (const name of names.filter((name) => kind.test(name))) {
    const text = await readFile(join(installed, 'dist', name), 'utf8');
    for (const [, target = ''] of text.matchAll(
      /(?:\bfrom|\bimport|\brequire\()\s*\(?['"]([^'"]+)['"]/g,
    ))
      if (!isOfPackage(name, target)) found.add(target);
  }
  return [...found];
}

function isOfPackage(file: string, target: string): boolean {
  return target.startsWith('.') && !join(dirname(file), target).startsWith('..');
}

/** The ts blocks of a README and the `@example`s of docstrings. */
async function readExamples(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8');
  const blocks = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, block = '']) => block);
  const tags = [...text.matchAll(/@example\n(.*?)\*\//gs)].map(([, tag = '']) =>
    tag.replace(/^\s*\* ?/gm, ''),
  );
  return [...blocks, ...tags];
}

function toProgram(example: string): string {
  const isWhole = example.includes('import ');
  return [
    isWhole ? '' : `import { createClient, isApiError } from '@ondemand/client';`,
    example.includes('const ondemand =')
      ? ''
      : `declare const ondemand: import('@ondemand/client').OnDemandClient;`,
    'declare function getToken(): Promise<string>;',
    example,
  ].join('\n');
}
