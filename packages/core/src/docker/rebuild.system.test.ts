// Plans of rebuilds made through a real shell and stand-ins for compose, from honest and forged labels.

import { execFile } from 'node:child_process';
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
import type { CommandResult, EngineContainer, Shell } from '../ports.ts';
import { createRebuildPlanner, type RebuildPlannerOptions } from './rebuild.ts';

const recordCall = `printf '%s\\0' "$@" "DOCKER_HOST=$DOCKER_HOST" >> "$HOME/calls"`;

test('a plan is docker compose with the labels of the container, for its own socket, one at a time in its project', async () => {
  await using vm = await startVm({ compose: 'v2' });
  expect(await vm.plan()).toEqual({
    argv: [
      'docker',
      'compose',
      '-p',
      'home',
      '-f',
      `${vm.project}/compose.yaml`,
      '--project-directory',
      vm.project,
      'up',
      '-d',
      '--build',
      '--no-deps',
      'web',
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
  expect(await vm.calls()).toEqual(['compose', 'version', 'DOCKER_HOST=unix:///run/docker.sock']);
});

test('a plan is docker-compose where the VM has only that, with its relative files', async () => {
  await using vm = await startVm({ compose: 'v1' });
  const { argv } = await vm.plan({ 'project.config_files': 'compose.yaml,override.yaml' });
  expect(argv.slice(0, 7)).toEqual([
    'docker-compose',
    '-p',
    'home',
    '-f',
    `${vm.project}/compose.yaml`,
    '-f',
    `${vm.project}/override.yaml`,
  ]);
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
  expect((await plan(vm.container())).argv.slice(0, 3)).toEqual(['docker', 'compose', '-p']);
  expect(await vm.calls()).toEqual([]);
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
  expect(argv).toContain(`${evil}/-f`);
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

test('a plan ends when its caller leaves', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const gone = new Error('the caller left');
  await expect(
    createRebuildPlanner(vm.options)(vm.container(), { signal: AbortSignal.abort(gone) }),
  ).rejects.toBe(gone);
  expect(await vm.calls()).toEqual([]);
});

interface VmOptions {
  readonly compose: 'v1' | 'v2' | 'none';
}

/** A home of its own with stand-ins for compose first in its PATH, and a shell that runs argument vectors there. */
async function startVm({ compose }: VmOptions) {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'ondemand-rebuild-')));
  const bin = join(home, 'bin');
  const project = join(home, 'project');
  await mkdir(bin);
  await mkdir(project);
  for (const file of ['compose.yaml', 'override.yaml', 'prod.env']) {
    await writeFile(join(project, file), '');
  }
  const command = `#!/bin/sh\n${recordCall}\n`;
  const scripts = {
    docker: compose === 'v2' ? command : '#!/bin/sh\nexit 1\n',
    'docker-compose': compose === 'v1' ? command : '#!/bin/sh\nexit 127\n',
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
