// Plans of rebuilds made through a real shell and stand-ins for compose, from honest and forged labels.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import type { CommandResult, EngineContainer, Shell } from '../../adapter-ports.ts';
import { AppError } from '../../app-error.ts';
import { rebuildScript } from './rebuild-commands.ts';
import { createRebuildPlanner, type RebuildPlannerOptions } from './rebuild-plan.ts';

const recordCall = `printf '%s\\0' "$@" "DOCKER_HOST=$DOCKER_HOST" >> "$HOME/calls"`;

/** As compose v2 with the services `web` and `other`, and `hidden` in a profile that is off. */
const answerConfig = `case " $* " in
*" config --services "*) printf 'web\\nother\\n' ;;
*" config --quiet gone "*) echo 'no such service: gone' >&2; exit 1 ;;
esac`;

/** Compose and its options, behind what is for the script. */
function composeOf(argv: readonly string[]): readonly string[] {
  return argv.slice(10);
}

test('a plan is docker compose with the labels of the container, for its own socket, one at a time in its project', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const plan = await vm.plan();
  expect(plan).toEqual({
    argv: [
      ...['sh', '-c', rebuildScript, 'ondemand-rebuild'],
      ...['-L', vm.project, 'web', '', '', ''],
      ...['docker', 'compose', '-p', 'home', '-f', `${vm.project}/compose.yaml`],
      ...['--project-directory', vm.project],
    ],
    env: {
      COMPOSE_ANSI: 'never',
      COMPOSE_PROGRESS: 'plain',
      BUILDKIT_PROGRESS: 'plain',
      DOCKER_CLI_HINTS: 'false',
      NO_COLOR: '1',
      DOCKER_HOST: 'unix:///run/docker.sock',
    },
    lock: 'rebuild-home',
  });
  expect((await vm.calls()).slice(0, 3)).toEqual([
    'compose',
    'version',
    'DOCKER_HOST=unix:///run/docker.sock',
  ]);
});

test('a plan is docker-compose where the VM has only that, with its relative files in their folder', async () => {
  await using vm = await startVm({ compose: 'v1' });
  const { argv } = await vm.plan({ 'project.config_files': 'compose.yaml,override.yaml' });
  expect(argv.slice(4, 6)).toEqual(['-P', vm.project]);
  expect(composeOf(argv).slice(0, 7)).toEqual(
    'docker-compose -p home -f compose.yaml -f override.yaml'.split(' '),
  );
});

test('what made the container is asked for first', async () => {
  await using vm = await startVm({ compose: 'both' });
  expect(composeOf((await vm.plan({ version: '1.29.2' })).argv)[0]).toBe('docker-compose');
  for (const version of ['2.26.1', 'v2.39.1', '5.0.0', '']) {
    expect(composeOf((await vm.plan({ version })).argv)[0]).toBe('docker');
  }
});

test('a service with several containers keeps their number, those of other services and one-off ones not counted', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const plan = createRebuildPlanner(vm.options);
  const all = [
    vm.container(),
    { ...vm.container({ 'container-number': '2' }), id: '2', name: 'web-2' },
    { ...vm.container({ service: 'other' }), id: '3', name: 'other' },
    { ...vm.container({ oneoff: 'True' }), id: '4', name: 'run' },
  ];
  expect((await plan(vm.container(), { all })).argv[7]).toBe('2');
  expect((await plan(vm.container(), { all: all.slice(0, 1) })).argv[7]).toBe('');
});

test('who shares the network of the container is named, with what heals it, and one that has lost it is replaced', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const plan = createRebuildPlanner(vm.options);
  const web = vm.container();
  const app = { ...vm.container({ service: 'other' }), id: 'a', name: 'app', networkOf: web.id };
  const byHand = { ...app, id: 'b', name: 'by-hand', labels: {} };
  const notes = (await plan(web, { all: [web, app, byHand] })).argv[9];
  expect(notes?.split('\n')).toEqual([
    expect.stringMatching(/^c0ffee 'app' shared the network of 'web', .*rebuild 'app' as well$/),
    expect.stringMatching(/^c0ffee 'by-hand' .*remove 'by-hand' and create it again/),
  ]);
  expect((await plan(app, { all: [web, app] })).argv[8]).toBe('');
  expect((await plan(app, { all: [app] })).argv[8]).toBe('a');
});

test('a service that is gone from the file is CONFLICT, and one whose profile is off is not', async () => {
  await using vm = await startVm({ compose: 'v2' });
  await expect(vm.plan({ service: 'gone' })).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining(`no longer in 'project/compose.yaml'`),
  });
  expect((await vm.plan({ service: 'hidden' })).argv[6]).toBe('hidden');
});

test('compose is looked for once per connection', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const plan = createRebuildPlanner(vm.options);
  await plan(vm.container());
  await plan(vm.container());
  vm.options.channels.generation = 2;
  await plan(vm.container());
  expect((await vm.calls()).filter((part) => part === 'version')).toHaveLength(2);
});

test('COMPOSE_COMMAND is used without looking', async () => {
  await using vm = await startVm({ compose: 'v1' });
  const plan = createRebuildPlanner({ ...vm.options, composeCommand: ' docker  compose ' });
  expect(composeOf((await plan(vm.container())).argv).slice(0, 3)).toEqual([
    'docker',
    'compose',
    '-p',
  ]);
  expect(await vm.calls()).not.toContain('version');
});

test('a VM without compose is SERVICE_UNAVAILABLE', async () => {
  await using vm = await startVm({ compose: 'none' });
  await expect(vm.plan()).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining('COMPOSE_COMMAND'),
  });
});

test('an environment file of the labels is used again', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const { argv } = await vm.plan({ 'project.environment_file': `${vm.project}/prod.env` });
  expect(argv[argv.indexOf('--env-file') + 1]).toBe(`${vm.project}/prod.env`);
});

test('the lock is that of the project, whichever its service', async () => {
  await using vm = await startVm({ compose: 'v2' });
  expect((await vm.plan({ service: 'other' })).lock).toBe('rebuild-home');
  expect((await vm.plan({ project: 'other' })).lock).toBe('rebuild-other');
});

test.each([
  ['a folder that is gone', { 'project.working_dir': '/nowhere/at/all' }, 'no longer on the VM'],
  ['a file that is gone', { 'project.config_files': 'missing.yaml' }, 'no longer on the VM'],
  ['a folder for a file', { 'project.config_files': '/tmp' }, "'tmp' of its compose project is no"],
  ['a device for a file', { 'project.config_files': '/dev/zero' }, 'no regular file'],
  ['a device for an environment', { 'project.environment_file': '/dev/zero' }, 'no regular file'],
  ['no labels', { project: '', service: '' }, 'not made by Docker Compose'],
  ['a project that is an option', { project: '-f' }, 'no valid name'],
])('a container with %s is CONFLICT, and nothing is run', async (_name, labels, words) => {
  await using vm = await startVm({ compose: 'v2' });
  await expect(vm.plan(labels)).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining(words),
    details: { name: 'web' },
  });
  expect(await vm.calls()).toEqual([]);
});

test('labels full of shell are arguments, and run nothing', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const evil = join(vm.home, `$(touch pwned) ; touch pwned\` touch pwned\`'"&& touch pwned #`);
  await mkdir(evil);
  await writeFile(join(evil, '-f'), '');
  const { argv } = await vm.plan({
    'project.working_dir': evil,
    'project.config_files': '-f',
  });
  expect(composeOf(argv).slice(4, 6)).toEqual(['-f', './-f']);
  expect(argv).toContain(evil);
  expect(await readdir(vm.home)).not.toContain('pwned');
});

test('COMPOSE_ROOTS hold the folder and its files once links are followed', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const outside = join(vm.home, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'compose.yaml'), '');
  await symlink(outside, join(vm.project, 'link'));
  await symlink(join(outside, 'compose.yaml'), join(vm.project, 'linked.yaml'));
  await symlink(vm.project, join(vm.home, 'root-link'));
  const plan = createRebuildPlanner({ ...vm.options, composeRoots: [join(vm.home, 'root-link')] });

  await plan(vm.container());
  const refusedLabels = [
    { 'project.working_dir': join(vm.project, 'link') },
    { 'project.config_files': 'linked.yaml' },
    { 'project.config_files': '../outside/compose.yaml' },
    { 'project.environment_file': '../outside/compose.yaml' },
    { 'project.working_dir': outside },
  ];
  for (const labels of refusedLabels) {
    await expect(plan(vm.container(labels))).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('outside COMPOSE_ROOTS'),
    });
  }
});

test('roots of which none exists allow nothing', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const plan = createRebuildPlanner({ ...vm.options, composeRoots: ['/nowhere/at/all'] });
  await expect(plan(vm.container())).rejects.toMatchObject({ code: 'CONFLICT' });
});

const hasBusybox = ['/bin', '/usr/bin'].some((folder) => existsSync(join(folder, 'busybox')));

test.skipIf(!hasBusybox)(
  `links are followed on a VM whose readlink is that of BusyBox, without -e${hasBusybox ? '' : ' [skipped: busybox is not installed]'}`,
  async () => {
    await using vm = await startVm({ compose: 'v2', readlink: 'exec busybox readlink "$@"' });
    await symlink(vm.project, join(vm.home, 'link'));
    const labels = {
      'project.working_dir': join(vm.home, 'link'),
      'project.config_files': join(vm.home, 'link/compose.yaml'),
    };
    const inRoots = (root: string) =>
      createRebuildPlanner({ ...vm.options, composeRoots: [root] })(vm.container(labels));
    const { argv } = await inRoots(vm.project);
    expect(argv[5]).toBe(join(vm.home, 'link'));
    await expect(inRoots(join(vm.home, 'link/nowhere'))).rejects.toThrow('outside COMPOSE_ROOTS');
  },
);

test('a VM that cannot follow links says so where roots ask for it, and is fine elsewhere', async () => {
  await using vm = await startVm({ compose: 'v2', readlink: 'exit 127' });
  expect((await vm.plan()).argv[6]).toBe('web');
  const plan = createRebuildPlanner({ ...vm.options, composeRoots: [vm.home] });
  await expect(plan(vm.container())).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining('install coreutils'),
  });
});

test.each([
  ['says something else', async () => ({ exitCode: 0, output: 'welcome\n' })],
  ['says nothing', async () => ({ exitCode: 127, output: '' })],
  [
    'hangs',
    () =>
      Promise.reject(
        new AppError('SERVICE_UNAVAILABLE', 'no', { details: { reason: 'COMMAND_TIMEOUT' } }),
      ),
  ],
])('a shell that %s has started nothing, and is told as what it may be', async (_name, run) => {
  await using vm = await startVm({ compose: 'v2' });
  const plan = createRebuildPlanner({ ...vm.options, shell: { run } });
  await expect(plan(vm.container())).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringMatching(/^Nothing was started: .*forced command/),
  });
});

test('start-up files that print before and behind the answer do not spoil it', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const run: Shell['run'] = async (argv, options) => {
    const { exitCode, output } = await vm.options.shell.run(argv, options);
    return { exitCode, output: `${'noise '.repeat(999)}\n${output}bye\n` };
  };
  const { argv } = await createRebuildPlanner({ ...vm.options, shell: { run } })(vm.container());
  expect(argv[6]).toBe('web');
});

test('two files that the labels fit alike are refused by name, and one of them alone is taken', async () => {
  await using vm = await startVm({ compose: 'v1' });
  const labels = { 'project.config_files': 'project/compose.yaml' };
  expect((await vm.plan(labels)).argv[5]).toBe(vm.home);
  await mkdir(join(vm.project, 'project'));
  await writeFile(join(vm.project, 'project/compose.yaml'), '');
  await expect(vm.plan(labels)).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining(
      `'project/compose.yaml' as well as 'project/project/compose.yaml'`,
    ),
  });
  await rm(join(vm.project, 'compose.yaml'));
  expect((await vm.plan(labels)).argv[5]).toBe(vm.project);
});

test.each([
  ['an env file of a folder below', '../project/compose.yaml', 'below.env'],
  ['a second file of elsewhere', 'HERE/compose.yaml,elsewhere.yaml', ''],
])(
  "v1's labels that lead nowhere, for %s is relative to the caller's folder, say so",
  async (_name, files, environment) => {
    await using vm = await startVm({ compose: 'v1' });
    const plan = vm.plan({
      version: '1.29.2',
      'project.config_files': files.replace('HERE', vm.project),
      'project.environment_file': environment,
    });
    await expect(plan).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(
        /relative to the folder that it was called in.*absolute paths/,
      ),
    });
  },
);

test('a comma is part of a name where the files say so', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const folder = join(vm.home, 'a,b');
  await mkdir(folder);
  for (const file of ['x.yaml', 'y.yaml']) await writeFile(join(folder, file), '');
  const files = [`${folder}/x.yaml`, `${folder}/y.yaml`];
  const { argv } = await vm.plan({
    'project.working_dir': folder,
    'project.config_files': files.join(','),
  });
  expect(composeOf(argv).filter((part) => part.startsWith(`${folder}/`))).toEqual(files);
});

test('a plan ends when its caller leaves', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const gone = new Error('the caller left');
  await expect(
    createRebuildPlanner(vm.options)(vm.container(), { signal: AbortSignal.abort(gone) }),
  ).rejects.toBe(gone);
  expect(await vm.calls()).toEqual([]);
});

interface VmOptions {
  readonly compose: 'v1' | 'v2' | 'both' | 'none';
  /** A script in place of the system's `readlink`, where there is no `realpath` either. */
  readonly readlink?: string;
}

/** A home of its own with stand-ins for compose first in its PATH, and a shell that runs argument vectors there. */
async function startVm({ compose, readlink }: VmOptions) {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'ondemand-rebuild-')));
  const bin = join(home, 'bin');
  const project = join(home, 'project');
  await mkdir(bin);
  await mkdir(project);
  for (const file of ['compose.yaml', 'override.yaml', 'prod.env']) {
    await writeFile(join(project, file), '');
  }
  const command = `#!/bin/sh\n${recordCall}\n${answerConfig}\n`;
  const scripts = {
    docker: compose === 'v2' || compose === 'both' ? command : '#!/bin/sh\nexit 1\n',
    ...(readlink !== undefined && {
      readlink: `#!/bin/sh\n${readlink}\n`,
      realpath: '#!/bin/sh\nexit 127\n',
    }),
    'docker-compose': compose === 'v1' || compose === 'both' ? command : '#!/bin/sh\nexit 127\n',
  };
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(bin, name), script);
    await chmod(join(bin, name), 0o755);
  }

  const shell: Shell = {
    run: ([file = '', ...args], { env = {}, signal } = {}) =>
      new Promise<CommandResult>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const PATH = `${bin}${delimiter}${process.env.PATH}`;
        const options = { env: { ...env, PATH, HOME: home }, cwd: home, signal };
        execFile(file, args, options, (error, stdout, stderr) => {
          if (signal?.aborted) return reject(signal.reason);
          const exitCode = typeof error?.code === 'number' ? error.code : error === null ? 0 : 127;
          resolve({ exitCode, output: `${stdout}${stderr}` });
        });
      }),
  };
  const options = {
    shell,
    channels: { generation: 1 },
    socketPath: '/run/docker.sock',
  } satisfies RebuildPlannerOptions;

  const container = (changes: Record<string, string> = {}): EngineContainer => ({
    id: 'c0ffee',
    name: 'web',
    state: 'running',
    image: 'web',
    ports: '',
    uptime: 'Up 1 second',
    labels: toLabels({
      project: 'home',
      service: 'web',
      'project.working_dir': project,
      'project.config_files': `${project}/compose.yaml`,
      ...changes,
    }),
  });

  return {
    home,
    project,
    options,
    container,
    plan: (labels?: Record<string, string>) => createRebuildPlanner(options)(container(labels)),
    async calls() {
      const recorded = await readFile(join(home, 'calls'), 'utf8').catch(() => '');
      return recorded.split('\0').slice(0, -1);
    },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true }),
  };
}

function toLabels(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [`com.docker.compose.${name}`, value]),
  );
}
