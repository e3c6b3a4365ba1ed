// What `pnpm pack` makes of each package, as its users have it: the same bytes from two builds, judged by publint and by Are The Types Wrong, and installed by plain npm in an empty project.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, runOk } from '../support/run.ts';
import { describeWith } from './describe-or-skip.ts';
import { findNpmTool } from './fetch-npm-tool.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folders = {
  client: 'packages/client',
  core: 'packages/core',
  server: 'packages/server',
  cli: 'apps/cli',
};
const bins = 'node_modules/.bin';
type Name = keyof typeof folders;
const names = Object.keys(folders) as Name[]; // as written above
const tarballOf = (name: Name) => `ondemand-${name}-1.0.0.tgz`;

const { npm_execpath: path = '', ...inherited } = process.env;
/** The one that runs the tests, in words of a shell. */
const pnpm = /pnpm/.test(path) ? `"${process.execPath}" "${path}"` : 'npx --yes pnpm@10';

const publint = await findNpmTool({ publint: '0.3.25' });
const typesWrong = await findNpmTool({ '@arethetypeswrong/cli': '0.18.5' });
const schemas = await findNpmTool({
  '@cyclonedx/cyclonedx-library': '10.3.0',
  ajv: '8.20.0',
  'ajv-formats': '3.0.1',
  'ajv-formats-draft2019': '1.6.1',
});
const checkout = existsSync(join(root, '.git')) ? { folder: root } : 'this is no clone of git';

describeWith(checkout, 'the packages of a clean checkout', () => {
  let work = '';
  const built = { here: '', elsewhere: '' };
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'ondemand-packages-'));
    built.here = await buildIn(join(work, 'a'), { umask: '022', TZ: 'UTC' });
    const other = { umask: '077', TZ: 'Asia/Kolkata', LC_ALL: 'C' };
    built.elsewhere = await buildIn(join(work, 'somewhere', 'deeper', 'b'), other);
  }, 15 * 60_000);
  afterAll(() => rm(work, { recursive: true, force: true }));

  test('are the same bytes from another folder, at another time, in another zone', async () => {
    expect((await readdir(built.here)).toSorted()).toEqual(names.map(tarballOf).toSorted());
    expect(await digest(built.elsewhere)).toEqual(await digest(built.here));
  });

  test('hold no path of the machine that built them', async () => {
    for (const name of names) {
      const files = await unpack(name);
      for (const file of await readdir(files, { recursive: true }))
        if ((await stat(join(files, file))).isFile())
          expect([file, (await readFile(join(files, file), 'utf8')).includes(work)]).toEqual([
            file,
            false,
          ]);
    }
  });

  describeWith(publint, 'publint', (tool) => {
    test.each(names)('finds nothing in %s', async (name) => {
      const command = [...tool.command('publint'), join(built.here, tarballOf(name)), '--strict'];
      expect(await run(command)).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('All good!'),
      });
    });
  });

  describeWith(typesWrong, 'Are The Types Wrong', (tool) => {
    // The CLI is no module, and has no types.
    test.each(['client', 'core', 'server'] as const)('finds nothing in %s', async (name) => {
      const command = [...tool.command('attw'), join(built.here, tarballOf(name))];
      expect(await run([...command, '--profile', 'esm-only'])).toMatchObject({ exitCode: 0 });
    });
  });

  describeWith(publint, 'by plain npm, in an empty project', () => {
    test('the client installs with less than 1 MB, and is imported', async () => {
      const project = await install('client');
      expect((await readdir(join(project, 'node_modules'))).toSorted()).toEqual([
        '.package-lock.json',
        '@ondemand',
        'eventsource-parser',
      ]);
      expect(await sizeOf(join(project, 'node_modules'))).toBeLessThan(1_000_000);
      const program = `import { createClient } from '@ondemand/client';
        console.log(Object.keys(createClient({ url: 'http://127.0.0.1' })).join());`;
      expect(await runModule(project, program)).toBe(
        'vm,containers,jobs,events,whoami,audit,diagnose\n',
      );
    });

    test('core is imported', async () => {
      const project = await install('core');
      const program = `import { AppError, isAppError } from '@ondemand/core';
        console.log(isAppError(new AppError('NOT_FOUND', 'No such container')));`;
      expect(await runModule(project, program)).toBe('true\n');
    });

    test('the server is imported, and its command runs, without a compiler or the workspace', async () => {
      const project = await install('server');
      const help = await runOk([join(project, bins, 'ondemand-server'), '--help']);
      expect(help).toContain('OIDC_ISSUER');
      const program = `import { createServer } from '@ondemand/server'; console.log(typeof createServer);`;
      expect(await runModule(project, program)).toBe('function\n');
      const installed = await readdir(join(project, 'node_modules'));
      expect(
        installed.filter((name) => /^(?:typescript|turbo|vitest|rolldown)$/.test(name)),
      ).toEqual([]);
    });

    test('the command line runs, alone', async () => {
      const project = await install('cli');
      const version = await runOk([join(project, bins, 'ondemand'), '--version']);
      expect(version).toBe('ondemand 1.0.0\n');
      expect(await readdir(join(project, 'node_modules'))).not.toContain('eventsource-parser');
    });
  });

  describeWith(schemas, 'pnpm sbom', (tool) => {
    test('writes a CycloneDX document that its schema takes, of what is installed with the packages', async () => {
      const options = {
        cwd: join(work, 'a'),
        env: { ...inherited, TURBO_CACHE_DIR: join(work, 'a/turbo') },
      };
      const file = join(work, 'sbom.json');
      await runOk([process.execPath, 'scripts/sbom.mjs', file], options);
      const text = await readFile(file, 'utf8');
      expect(await runOk(['sh', '-c', `${pnpm} sbom`], options)).toBe(text);
      await runOk([process.execPath, '-e', validation, file], {
        cwd: tool.folder,
      });
      const { components } = JSON.parse(text) as { components: readonly Component[] };
      const listed = new Set(
        components.map(({ group, name }) => [group, name].filter(Boolean).join('/')),
      );
      // Their versions are npm's choice.
      for (const name of names)
        for (const each of await listInstalled(await install(name))) expect(listed).toContain(each);
      // What is bundled is installed with nothing.
      for (const bundled of ['oauth4webapi', 'tar-fs', 'preact', 'fastify', 'ssh2'])
        expect(text).toContain(`"pkg:npm/${bundled}@`);
      for (const { name, licenses } of components)
        expect([name, licenses?.length ?? 0]).toEqual([name, 1]);
    });
  });

  async function buildIn(
    folder: string,
    { umask, ...env }: Readonly<Record<string, string>>,
  ): Promise<string> {
    await runOk(['git', 'clone', '--quiet', '--no-local', root, folder]);
    const packed = join(folder, 'packed');
    const packs = Object.values(folders).map(
      (each) => `(cd ${each} && ${pnpm} pack --pack-destination "${packed}")`,
    );
    const commands = [
      `umask ${umask}`,
      `mkdir -p "${packed}"`,
      `${pnpm} install --frozen-lockfile --prefer-offline`,
      'node scripts/turbo.mjs build --force',
      ...packs,
    ].join(' && ');
    await runOk(['sh', '-c', commands], {
      cwd: folder,
      env: { ...inherited, TURBO_CACHE_DIR: join(folder, 'turbo'), ...env },
      timeoutMs: 10 * 60_000,
    });
    return packed;
  }

  async function unpack(name: Name): Promise<string> {
    const folder = join(work, 'unpacked', name);
    await mkdir(folder, { recursive: true });
    await runOk(['tar', '-xzf', join(built.here, tarballOf(name)), '-C', folder]);
    return folder;
  }

  /** Once for each package. */
  async function install(name: Name): Promise<string> {
    const project = join(work, 'projects', name);
    if (existsSync(project)) return project;
    await mkdir(project, { recursive: true });
    await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
    const options = ['--no-audit', '--no-fund', '--prefer-offline'];
    await runOk(['npm', 'install', ...options, join(built.here, tarballOf(name))], {
      cwd: project,
    });
    return project;
  }
});

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly licenses?: readonly unknown[];
}

const validation = `
  const { Validation, Spec } = require('@cyclonedx/cyclonedx-library');
  const text = require('node:fs').readFileSync(process.argv[1], 'utf8');
  new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text).then((error) => {
    if (error !== null) throw new Error(JSON.stringify(error));
  });`;

function runModule(project: string, program: string): Promise<string> {
  return runOk([process.execPath, '--input-type=module', '--eval', program], { cwd: project });
}

async function digest(folder: string): Promise<Record<string, string>> {
  const files = (await readdir(folder)).toSorted();
  const entries = files.map(async (file) => [
    file,
    createHash('sha256')
      .update(await readFile(join(folder, file)))
      .digest('hex'),
  ]);
  return Object.fromEntries(await Promise.all(entries));
}

async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true });
  const found = await Promise.all(files.map((file) => stat(join(folder, file))));
  return found.reduce((total, each) => total + (each.isFile() ? each.size : 0), 0);
}

/** The names of all that npm put there, but for what packages can do without, such as native code. */
async function listInstalled(project: string): Promise<string[]> {
  const lock = await readFile(join(project, 'node_modules/.package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Record<string, { optional?: boolean }> };
  return Object.entries(packages).flatMap(([path, { optional }]) =>
    optional ? [] : [path.split('node_modules/').at(-1) ?? path],
  );
}
