// Rebuilds through a real shell and stand-ins for compose, with honest and forged labels.

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
import { AppError } from '../errors.ts';
import type { CommandResult, EngineContainer, Shell } from '../ports.ts';
import { until } from './fake-engine.test-support.ts';
import { createRebuild, type RebuildOptions } from './rebuild.ts';

const recordCall = `printf '%s\\0' "$@" "DOCKER_HOST=$DOCKER_HOST" >> "$HOME/calls"`;

test('rebuild() runs docker compose with the labels of the container, for its own socket', async () => {
  await using vm = await startVm({ compose: 'v2' });
  await vm.rebuild();
  expect(await vm.calls()).toEqual([
    'compose',
    'version',
    'DOCKER_HOST=unix:///run/docker.sock',
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
    'DOCKER_HOST=unix:///run/docker.sock',
  ]);
});

test('rebuild() runs docker-compose where the VM has only that, with its relative files', async () => {
  await using vm = await startVm({ compose: 'v1' });
  await vm.rebuild({ 'project.config_files': 'compose.yaml,override.yaml' });
  const calls = await vm.calls();
  expect(calls.slice(0, 2)).toEqual(['version', 'DOCKER_HOST=unix:///run/docker.sock']);
  expect(calls.slice(2, 8)).toEqual([
    '-p',
    'home',
    '-f',
    `${vm.project}/compose.yaml`,
    '-f',
    `${vm.project}/override.yaml`,
  ]);
});

test('rebuild() looks for compose once per connection', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const rebuild = createRebuild(vm.options);
  await rebuild(vm.container());
  await rebuild(vm.container());
  vm.options.channels.generation = 2;
  await rebuild(vm.container());
  expect((await vm.calls()).filter((part) => part === 'version')).toHaveLength(2);
});

test('COMPOSE_COMMAND is used without looking', async () => {
  await using vm = await startVm({ compose: 'v1' });
  await createRebuild({ ...vm.options, composeCommand: 'docker-compose' })(vm.container());
  expect(await vm.calls()).not.toContain('version');
});

test('a VM without compose is SERVICE_UNAVAILABLE', async () => {
  await using vm = await startVm({ compose: 'none' });
  await expect(vm.rebuild()).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining('COMPOSE_COMMAND'),
  });
});

test('an environment file of the labels is used again', async () => {
  await using vm = await startVm({ compose: 'v2' });
  await vm.rebuild({ 'project.environment_file': `${vm.project}/prod.env` });
  const calls = await vm.calls();
  expect(calls[calls.indexOf('--env-file') + 1]).toBe(`${vm.project}/prod.env`);
});

test('a build that fails is INTERNAL_ERROR with its exit code and its last lines', async () => {
  await using vm = await startVm({
    compose: 'v2',
    build: `printf '\\033[31mbuilding\\033[0m\\n'; echo 'ENV KEY=hunter2' >&2; exit 17`,
  });
  await expect(vm.rebuild()).rejects.toMatchObject({
    code: 'INTERNAL_ERROR',
    message:
      "The build of 'web' on oci-flex failed with exit code 17; its last lines are in details.output",
    details: { name: 'web', exitCode: 17, output: 'building\nENV KEY=***' },
  });
});

test('of two rebuilds of one project one runs, and the other is CONFLICT', async () => {
  await using vm = await startVm({
    compose: 'v2',
    build: 'while [ ! -e "$HOME/go" ]; do sleep 0.02; done',
  });
  const first = vm.rebuild();
  await until(() => vm.running() > 0);
  await expect(vm.rebuild({ service: 'other' })).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining("compose project 'home' is already under way"),
  });
  await writeFile(join(vm.home, 'go'), '');
  await first;
  await vm.rebuild();
});

test('rebuilds of two projects run side by side', async () => {
  await using vm = await startVm({
    compose: 'v2',
    build: 'while [ ! -e "$HOME/go" ]; do sleep 0.02; done',
  });
  const first = vm.rebuild();
  const second = vm.rebuild({ project: 'other' });
  await until(() => vm.running() === 2);
  await writeFile(join(vm.home, 'go'), '');
  await Promise.all([first, second]);
});

test('the lock lies in a folder that is closed to others', async () => {
  await using vm = await startVm({ compose: 'v2' });
  await vm.rebuild();
  const folder = join(vm.home, '.local/state/ondemand');
  expect(await readdir(folder)).toEqual(['rebuild-home.lock']);
  await rm(folder, { recursive: true });
  await mkdir(join(vm.home, 'elsewhere'));
  await symlink(join(vm.home, 'elsewhere'), folder);
  await expect(vm.rebuild()).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
});

test.each([
  ['a folder that is gone', { 'project.working_dir': '/nowhere/at/all' }, 'no longer on the VM'],
  ['a file that is gone', { 'project.config_files': 'missing.yaml' }, 'no longer on the VM'],
  ['no labels', { project: '', service: '' }, 'not made by Docker Compose'],
  ['a project that is an option', { project: '-f' }, 'no valid name'],
])(
  'rebuild() of a container with %s is CONFLICT, and runs nothing',
  async (_name, labels, words) => {
    await using vm = await startVm({ compose: 'v2' });
    await expect(vm.rebuild(labels)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining(words),
      details: { name: 'web' },
    });
    expect(await vm.calls()).toEqual([]);
  },
);

test('labels full of shell run nothing but compose', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const evil = join(vm.home, `$(touch pwned) ; touch pwned\` touch pwned\`'"&& touch pwned #`);
  await mkdir(evil);
  await writeFile(join(evil, '-f'), '');
  await vm.rebuild({ 'project.working_dir': evil, 'project.config_files': '-f' });
  const calls = await vm.calls();
  expect(calls).toContain(`${evil}/-f`);
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
  const rebuild = createRebuild({ ...vm.options, composeRoots: [join(vm.home, 'root-link')] });

  await rebuild(vm.container());
  const refusedLabels = [
    { 'project.working_dir': join(vm.project, 'link') },
    { 'project.config_files': 'linked.yaml' },
    { 'project.config_files': '../outside/compose.yaml' },
    { 'project.environment_file': '../outside/compose.yaml' },
    { 'project.working_dir': outside },
  ];
  for (const labels of refusedLabels) {
    await expect(rebuild(vm.container(labels))).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('outside COMPOSE_ROOTS'),
    });
  }
});

test('roots of which none exists allow nothing', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const rebuild = createRebuild({ ...vm.options, composeRoots: ['/nowhere/at/all'] });
  await expect(rebuild(vm.container())).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('a build that has begun goes on when its caller leaves', async () => {
  await using vm = await startVm({
    compose: 'v2',
    build: 'while [ ! -e "$HOME/go" ]; do sleep 0.02; done',
  });
  const caller = new AbortController();
  const rebuilding = createRebuild(vm.options)(vm.container(), { signal: caller.signal });
  await until(() => vm.running() > 0);
  caller.abort(new Error('the caller left'));
  await writeFile(join(vm.home, 'go'), '');
  await expect(rebuilding).resolves.toBeUndefined();
});

test('a preparation ends when its caller leaves', async () => {
  await using vm = await startVm({ compose: 'v2' });
  const gone = new Error('the caller left');
  await expect(
    createRebuild(vm.options)(vm.container(), { signal: AbortSignal.abort(gone) }),
  ).rejects.toBe(gone);
  expect(await vm.calls()).toEqual([]);
});

test('a connection that is lost in the middle is told as it is', async () => {
  const lost = new AppError('SERVICE_UNAVAILABLE', 'The SSH connection to the VM was lost');
  await using vm = await startVm({ compose: 'v2' });
  const run = vm.options.shell.run;
  const shell: Shell = {
    run: (argv, options) => (argv[0] === 'flock' ? Promise.reject(lost) : run(argv, options)),
  };
  await expect(createRebuild({ ...vm.options, shell })(vm.container())).rejects.toBe(lost);
});

interface VmOptions {
  readonly compose: 'v1' | 'v2' | 'none';
  /** What the stand-in for compose does on `up`. */
  readonly build?: string;
}

/** A home of its own with stand-ins for compose first in its PATH, and a shell that runs argument vectors there. */
async function startVm({ compose, build = ':' }: VmOptions) {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'ondemand-rebuild-')));
  const bin = join(home, 'bin');
  const project = join(home, 'project');
  await mkdir(bin);
  await mkdir(project);
  for (const file of ['compose.yaml', 'override.yaml', 'prod.env']) {
    await writeFile(join(project, file), '');
  }
  const command = `#!/bin/sh\n${recordCall}\ncase "$*" in *version) exit 0;; esac\n${build}\n`;
  const scripts = {
    docker: compose === 'v2' ? command : '#!/bin/sh\nexit 1\n',
    'docker-compose': compose === 'v1' ? command : '#!/bin/sh\nexit 127\n',
  };
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(bin, name), script);
    await chmod(join(bin, name), 0o755);
  }

  let running = 0;
  const shell: Shell = {
    run: ([file = '', ...args], { env = {}, signal } = {}) =>
      new Promise<CommandResult>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        if (file === 'flock') running += 1;
        const PATH = `${bin}${delimiter}${process.env.PATH}`;
        const options = { env: { ...env, PATH, HOME: home }, cwd: home, signal };
        execFile(file, args, options, (error, stdout, stderr) => {
          if (file === 'flock') running -= 1;
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
  } satisfies RebuildOptions;

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
    rebuild: (labels?: Record<string, string>) => createRebuild(options)(container(labels)),
    running: () => running,
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
