// Rebuilds on a real engine with a real compose project: they outlive the API, exclude each other and trust no label.

import { randomUUID } from 'node:crypto';
import { chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerActionResult, Job } from '@ondemand/core';
import { type Sandbox, startSandbox } from '@ondemand/sandbox';
import { beforeAll, expect, test } from 'vitest';
import { baseImage } from '../real-engine/base-image.ts';
import { runCompose } from '../real-engine/compose.ts';
import { describeRealEngine } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { openSuite } from '../support/disposer.ts';
import { expectApiError } from '../support/expect-api-error.ts';
import { runOk } from '../support/run.ts';
import { openSse } from '../support/sse.ts';
import { startServerHere } from '../support/start-api-in-this-process.ts';
import { type Environment, type Server, startServer } from '../support/start-api-process.ts';
import { type App, createCaller } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

type Api<S extends Server = Server> = Pick<App, 'get' | 'post' | 'getJson' | 'postJson'> & {
  readonly server: S;
} & AsyncDisposable;

/** Thirty of them are enough to kill the API in their middle. */
const stepSeconds = 0.3;

/** A look at a job is a command on the VM. */
const intervalMs = 200;

const respondAsync = { headers: { prefer: 'respond-async' } };

describeRealEngine('rebuild jobs on a real engine', () => {
  let vm: RealVm;
  let sandbox: Sandbox;
  let one: Api;
  let other: Api;
  beforeAll(() =>
    openSuite(async (opened) => {
      sandbox = opened.use(await startSandbox());
      vm = opened.use(await startRealVm());
      one = opened.use(await startApi(startServerHere));
      other = opened.use(await startApi(startServer));
    }),
  );

  /** By `startServer` in a process of its own, by `startServerHere` in this one. */
  async function startApi<S extends Server>(
    start: (env: Environment) => Promise<S>,
    env: Environment = {},
  ): Promise<Api<S>> {
    const server = await start({ LOG_LEVEL: 'debug', ...sandbox.env, ...vm.env, ...env });
    const [read, admin] = await Promise.all([sandbox.tokens.read(), sandbox.tokens.admin()]);
    return {
      server,
      ...createCaller(server.url, { read, admin }),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }

  test('a long build ends well though the API is killed in its middle, and a fresh one tells all of it', async () => {
    const project = await addProject(vm, 'long', [
      `RUN for i in $(seq 30); do echo step $i of 30; sleep ${stepSeconds}; done`,
    ]);
    await using first = await startApi(startServer);
    const response = await first.post(`/containers/${project.container}/rebuild`, respondAsync);
    expect(response.status).toBe(202);
    const { job, status } = (await response.json()) as ContainerActionResult;
    expect(status).toBe('initiated');
    expect(response.headers.get('location')).toBe(`/jobs/${job}`);
    await until(
      'the build to be under way',
      async () => (await first.getJson<Job>(`/jobs/${job}`)).output.includes('step 3 of 30'),
      { intervalMs },
    );
    await first.server.kill();

    // A process that was there before follows it, and an API in yet another, which starts after its end, knows it.
    await using follower = await openSse(other, `/jobs/${job}/output`);
    const messages = await follower.rest();
    const followed = messages
      .filter(({ event }) => event === 'message')
      .map(({ data }) => (JSON.parse(data) as { text: string }).text) // the output's items
      .join('');
    await using fresh = await startApi(startServerHere);
    const known = await until('the job to have ended', async () => {
      const found = await fresh.getJson<Job>(`/jobs/${job}`);
      return found.state === 'running' ? undefined : found;
    });
    expect(known).toMatchObject({
      id: job,
      kind: 'rebuild',
      target: project.container,
      state: 'succeeded',
      exitCode: 0,
    });
    for (const text of [known.output, followed]) {
      const steps = [...text.matchAll(/^(?:#\d+ [\d.]+ )?step (\d+) of 30$/gm)].map(([, step]) =>
        Number(step),
      );
      expect(steps).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    }
    const lastedMs = Date.parse(known.finishedAt ?? '') - Date.parse(known.startedAt);
    expect(lastedMs).toBeGreaterThan(29 * stepSeconds * 1000);
    expect(await project.builtFrom()).toBe('page 2\n');
    const [newest] = await fresh.getJson<Job[]>('/jobs');
    expect(newest).toMatchObject({ id: job, state: 'succeeded' });
  });

  test('of 20 rebuilds of one project at once, through two processes, one runs and 19 are told its id', async () => {
    const project = await addProject(vm, 'concurrent', [
      `RUN trap 'exit 0' TERM; ${untilTerminated}`,
    ]);
    const path = `/containers/${project.container}/rebuild`;
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? one : other).post(path, respondAsync)),
    );
    const unavailable = responses.filter(({ status }) => status === 503);
    expect(await Promise.all(unavailable.map((response) => response.text()))).toEqual([]);
    expect(responses.map(({ status }) => status).sort()).toEqual([202, ...Array(19).fill(409)]);
    const accepted = responses.find(({ status }) => status === 202);
    if (accepted === undefined) return expect.unreachable();
    const { job } = (await accepted.json()) as ContainerActionResult;
    for (const response of responses.filter(({ status }) => status === 409)) {
      const { details, message } = await expectApiError(response, 'CONFLICT');
      expect(details.job).toBe(job);
      expect(message).toContain(job);
    }
    await endBuildStep();
    await until(
      'the one to end',
      async () => (await one.getJson<Job>(`/jobs/${job}`)).state === 'succeeded',
      { intervalMs },
    );
    const jobs = await other.getJson<Job[]>('/jobs');
    expect(jobs.filter(({ target }) => target === project.container)).toHaveLength(1);
    // The lock is free again; there is nothing left to change.
    expect(await other.postJson(path)).toMatchObject({ status: 'success', changed: false });
  });

  test('a build that hangs is cancelled through another process, with all that compose started, and its project can be rebuilt', async () => {
    const project = await addProject(vm, 'hanging', ['RUN echo it hangs; sleep 3600']);
    const path = `/containers/${project.container}/rebuild`;
    const waiting = one.post(path);
    const job = await until(
      'the build to hang',
      async () => {
        const [newest] = await other.getJson<Job[]>('/jobs');
        const isOurs = newest?.target === project.container && newest.output.includes('it hangs');
        return isOurs ? newest.id : undefined;
      },
      { intervalMs },
    );
    const cancelled = await other.postJson<Job>(`/jobs/${job}/cancel`);
    expect(cancelled).toMatchObject({ id: job, state: 'cancelled' });
    const failure = await expectApiError(await waiting, 'INTERNAL_ERROR');
    expect(failure.details).toMatchObject({ job, state: 'cancelled' });
    const again = await expectApiError(await other.post(`/jobs/${job}/cancel`), 'CONFLICT');
    expect(again.details).toMatchObject({ job, state: 'cancelled' });
    await expectApiError(await other.post('/jobs/20200101T000000Z-nobody/cancel'), 'NOT_FOUND');
    const processes = await runOk(['ps', '-eo', 'args=']);
    expect(processes.split('\n').filter((line) => line.includes(project.folder))).toEqual([]);

    await project.repair();
    expect(await one.postJson(path)).toMatchObject({ status: 'success', changed: true });
    expect(await project.builtFrom()).toBe('page 2\n');
  });

  test('labels that would be commands, options or ways out are refused or quoted, and nothing else runs', async () => {
    const project = await addProject(vm, 'honest', []);
    const outside = await addProject(vm, 'outside', [], 'elsewhere');
    const odd = await addProject(vm, "it's $(touch x) & more", []);
    const root = join(vm.home, 'stacks');
    await using api = await startApi(startServerHere, { COMPOSE_ROOTS: root });
    const before = await listFiles(vm.home);
    const honest = {
      project: 'honest',
      service: 'web',
      'project.working_dir': project.folder,
      'project.config_files': join(project.folder, 'docker-compose.yml'),
    };
    const cases: readonly (readonly [name: string, changes: Record<string, string>])[] = [
      ['a-command-as-project', { project: '$(touch x)' }],
      ['a-newline-in-project', { project: 'honest\ntouch x' }],
      ['an-option-as-project', { project: '-f /etc/passwd' }],
      ['a-command-as-service', { service: '$(touch x)' }],
      ['an-option-as-service', { service: '--help' }],
      ['quotes-in-service', { service: `web"; touch x; '` }],
      ['a-relative-folder', { 'project.working_dir': 'stacks/honest' }],
      ['a-folder-outside', { 'project.working_dir': '/etc' }],
      ['a-way-out', { 'project.working_dir': `${root}/../elsewhere/outside` }],
      ['a-file-outside', { 'project.config_files': '/etc/passwd' }],
      ['an-option-as-file', { 'project.config_files': '-f,/etc/passwd' }],
      ['a-file-with-a-way-out', { 'project.config_files': `${root}/../../../etc/passwd` }],
      ['a-command-as-file', { 'project.config_files': `${project.folder}/$(touch x).yml` }],
      ['a-newline-in-file', { 'project.config_files': `${project.folder}/a\n/etc/passwd` }],
    ];
    for (const [name, changes] of cases) {
      const labels = Object.entries({ ...honest, ...changes }).map(
        ([key, value]) => `--label=com.docker.compose.${key}=${value}`,
      );
      await vm.docker('create', '--name', name, ...labels, baseImage, 'true');
      const response = await api.post(`/containers/${name}/rebuild`);
      const { message } = await expectApiError(response, 'CONFLICT');
      expect(message).toContain(name);
      expect(message).not.toContain('touch');
    }
    await expectApiError(await api.post(`/containers/${outside.container}/rebuild`), 'CONFLICT');
    expect(await api.getJson('/jobs')).toEqual(
      expect.not.arrayContaining([expect.objectContaining({ target: outside.container })]),
    );
    expect(await listFiles(vm.home)).toEqual(before);

    // A folder's own name may be as odd as it likes.
    expect(await api.postJson(`/containers/${odd.container}/rebuild`)).toMatchObject({
      status: 'success',
    });
    expect((await listFiles(vm.home)).filter((file) => file.endsWith('/x'))).toEqual([]);
  });
});

/** A build's step lasts until `endBuildStep()`; the name tells it from those of other runs on this host. */
const untilTerminated = `: ${randomUUID()}; sleep 100000 & wait`;

async function endBuildStep(): Promise<void> {
  const findStep = async () => {
    const processes = (await runOk(['ps', '-eo', 'pid=,args='])).split('\n');
    return processes.find((line) => line.includes(untilTerminated));
  };
  await until('the step of the build', findStep);
  await until('the step of the build to end', async () => {
    const step = await findStep();
    // Each time: before it has set its trap, the first process of a container ignores it.
    if (step !== undefined) process.kill(Number.parseInt(step, 10), 'SIGTERM');
    return step === undefined;
  });
}

interface Project {
  readonly folder: string;
  readonly container: string;
  /** The page in the running container. */
  builtFrom(): Promise<string>;
  /** Takes the steps away. */
  repair(): Promise<void>;
}

let projects = 0;

/** A project with one service, up; from its next build on it holds another page and takes `steps` more. */
async function addProject(
  vm: RealVm,
  name: string,
  steps: readonly string[],
  root = 'stacks',
): Promise<Project> {
  projects += 1;
  const container = `web-${projects}`;
  const folder = join(vm.home, root, name);
  await mkdir(folder, { recursive: true });
  for (const path of [join(vm.home, root), folder]) await chown(path, vm.user.id, vm.user.id);
  const write = async (file: string, text: string): Promise<void> => {
    await writeFile(join(folder, file), text);
    await chown(join(folder, file), vm.user.id, vm.user.id);
  };
  // Networks of their own would cost containers and builds more than all else that they do.
  const build = { context: '.', network: 'host' };
  const service = { build, container_name: container, init: true, network_mode: 'host' };
  const dockerfile = [`FROM ${baseImage}`, 'COPY page.txt /page.txt'];
  const command = 'CMD ["sleep", "100000"]\n';
  await write('docker-compose.yml', JSON.stringify({ services: { web: service } }));
  await write('Dockerfile', [...dockerfile, command].join('\n'));
  await write('page.txt', 'page 1\n');
  const up = ['-p', `p${projects}`, 'up', '--detach', '--build'];
  const { exitCode, stdout, stderr } = await runCompose(vm, up, { cwd: folder });
  if (exitCode !== 0) throw new Error(`compose failed: ${stdout}${stderr}`);
  await write('Dockerfile', [...dockerfile, ...steps, command].join('\n'));
  await write('page.txt', 'page 2\n');
  return {
    folder,
    container,
    builtFrom: () => vm.docker('exec', container, 'cat', '/page.txt'),
    repair: () => write('Dockerfile', [...dockerfile, command].join('\n')),
  };
}

/** Without the jobs' own folder. */
async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !path.includes('/.local'))
    .sort();
}
