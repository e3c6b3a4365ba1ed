// How the API behaves towards its callers; the same tests run on the sandbox and on a real engine, so that neither drifts.

import type { Container, ContainerActionResult, ContainerLogs, Diagnosis } from '@ondemand/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectApiError } from '../support/expect-api-error.ts';
import { declareLive } from './suite-of-live-data.ts';
import { type BehaviourWorld, mixedLines, talkativeLines, ttyLines } from './world.ts';

/** Declares the suite; call it inside a `describe`. One world serves all tests, and each leaves it as it found it. */
export function declareBehaviour(startWorld: () => Promise<BehaviourWorld>): void {
  let started: BehaviourWorld | undefined;
  const world = (): BehaviourWorld => {
    if (started === undefined) throw new Error('the world has not started');
    return started;
  };
  beforeAll(async () => {
    started = await startWorld();
  });
  afterAll(() => started?.[Symbol.asyncDispose]());

  describe('reading', () => declareReading(world));
  describe('logs', () => declareLogs(world));
  describe('start, stop, restart', () => declareActions(world));
  describe('live', () => declareLive(world));
  describe('rebuild', () => declareRebuild(world));
  describe('refusals', () => declareRefusals(world));
}

type GetWorld = () => BehaviourWorld;

const statusOf = (world: BehaviourWorld, name: string): Promise<Container> =>
  world.app.getJson(`/containers/${name}/status`);
const act = (world: BehaviourWorld, name: string, action: string): Promise<ContainerActionResult> =>
  world.app.postJson(`/containers/${name}/${action}`);

function declareReading(getWorld: GetWorld): void {
  test('GET /containers lists every container, whatever its state, sorted by name', async () => {
    const { app, containers } = getWorld();
    const list = await app.getJson<Container[]>('/containers');
    const names = list.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(Object.values(containers)));
    for (const container of list) {
      expect(Object.keys(container).sort()).toEqual(['image', 'name', 'ports', 'state', 'uptime']);
    }
  });

  test.each([
    ['web', 'running', /^Up (?!.*Paused)/],
    ['tty', 'running', /^Up /],
    ['exited', 'exited', /^Exited \(3\) .+ ago$/],
    ['created', 'created', /^Created$/],
    ['paused', 'paused', /^Up .+ \(Paused\)$/],
  ] as const)(
    'the %s container is %s, and its uptime says so as docker does',
    async (part, state, uptime) => {
      const world = getWorld();
      const container = await statusOf(world, world.containers[part]);
      expect(container).toMatchObject({ name: world.containers[part], state });
      expect(container.uptime).toMatch(uptime);
    },
  );

  test('GET /diagnose finds nothing wrong', async () => {
    const response = await getWorld().app.get('/diagnose', { token: 'admin' });
    const { ok, checks } = (await response.json()) as Diagnosis; // the schema is checked elsewhere
    expect(checks.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(ok).toBe(true);
    expect(checks.find(({ name }) => name === 'docker')).toMatchObject({ status: 'ok' });
  });

  test('status tells the same as the list', async () => {
    const world = getWorld();
    const list = await world.app.getJson<Container[]>('/containers');
    for (const { uptime: _passes, ...listed } of list) {
      expect(await statusOf(world, listed.name)).toMatchObject(listed);
    }
  });

  test('published ports read as in docker ps', async () => {
    const world = getWorld();
    expect((await statusOf(world, world.containers.web)).ports).toBe(world.webPorts);
    expect((await statusOf(world, world.containers.created)).ports).toBe('');
  });

  test('a container answers to its id and to the beginning of it', async () => {
    const world = getWorld();
    const { web } = world.containers;
    const id = await world.idOf(web);
    expect(await statusOf(world, id)).toMatchObject({ name: web });
    expect(await statusOf(world, id.slice(0, 12))).toMatchObject({ name: web });
  });
}

function declareLogs(getWorld: GetWorld): void {
  const logsOf = (part: keyof BehaviourWorld['containers'], query = ''): Promise<ContainerLogs> => {
    const { app, containers } = getWorld();
    return app.getJson(`/containers/${containers[part]}/logs${query}`);
  };

  test('stdout and stderr come in the order they were written', async () => {
    expect(await logsOf('mixed')).toEqual({
      container: getWorld().containers.mixed,
      lines: 100,
      logs: `${mixedLines.join('\n')}\n`,
    });
  });

  test('a container with a TTY gives its text whole', async () => {
    const { logs } = await logsOf('tty');
    expect(logs.split(/\r?\n/)).toEqual([...ttyLines, '']);
  });

  test('the last 100 lines come unless more or fewer are asked for', async () => {
    const last = (count: number): string => `${talkativeLines.slice(-count).join('\n')}\n`;
    expect(await logsOf('talkative')).toMatchObject({ lines: 100, logs: last(100) });
    expect(await logsOf('talkative', '?lines=1')).toMatchObject({ lines: 1, logs: last(1) });
    expect(await logsOf('talkative', '?lines=120')).toMatchObject({ lines: 120, logs: last(120) });
    expect(await logsOf('talkative', '?lines=10000')).toMatchObject({
      lines: 10_000,
      logs: last(150),
    });
  });

  test('`Accept: text/plain` gets the bare text', async () => {
    const { app, containers } = getWorld();
    const response = await app.get(`/containers/${containers.mixed}/logs?lines=2`, {
      headers: { accept: 'text/plain' },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe(`${mixedLines.slice(-2).join('\n')}\n`);
  });

  test('a container that never ran has none', async () => {
    expect(await logsOf('created')).toMatchObject({ lines: 100, logs: '' });
  });

  test('a container that ended still has them', async () => {
    expect((await logsOf('exited')).logs).toContain('migrated');
  });
}

function declareActions(getWorld: GetWorld): void {
  test('stop and start change a container once, and the next read shows it', async () => {
    const world = getWorld();
    const { plain } = world.containers;
    const done = { container: plain, status: 'success' };
    expect(await act(world, plain, 'stop')).toEqual({ ...done, action: 'stop', changed: true });
    expect(await statusOf(world, plain)).toMatchObject({ state: 'exited' });
    expect(await act(world, plain, 'stop')).toEqual({ ...done, action: 'stop', changed: false });
    expect(await act(world, plain, 'start')).toEqual({ ...done, action: 'start', changed: true });
    expect(await statusOf(world, plain)).toMatchObject({ state: 'running' });
    expect(await act(world, plain, 'start')).toEqual({ ...done, action: 'start', changed: false });
  });

  test('restart restarts a running container, and starts a stopped one', async () => {
    const world = getWorld();
    const { plain } = world.containers;
    const done = { container: plain, action: 'restart', status: 'success', changed: true };
    expect(await act(world, plain, 'restart')).toEqual(done);
    const restarted = await statusOf(world, plain);
    expect(restarted.state).toBe('running');
    expect(restarted.uptime).toMatch(/^Up (Less than a second|\d seconds?)$/);
    await act(world, plain, 'stop');
    expect(await act(world, plain, 'restart')).toEqual(done);
    expect(await statusOf(world, plain)).toMatchObject({ state: 'running' });
  });

  test.each([
    ['no body and no content type', {}],
    ['an empty JSON body', { headers: { 'content-type': 'application/json' } }],
    ['{}', { headers: { 'content-type': 'application/json' }, body: '{}' }],
    ['an empty form', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
  ])('a POST works with %s', async (_what, options) => {
    const { app, containers } = getWorld();
    const response = await app.post(`/containers/${containers.plain}/start`, options);
    expect(await response.json()).toMatchObject({ status: 'success' });
    expect(response.status).toBe(200);
  });

  test('a paused container cannot be started', async () => {
    const world = getWorld();
    const { paused } = world.containers;
    await expectApiError(await world.app.post(`/containers/${paused}/start`), 'CONFLICT');
    expect(await statusOf(world, paused)).toMatchObject({ state: 'paused' });
  });
}

function declareRebuild(getWorld: GetWorld): void {
  test('a changed file shows once the container is rebuilt, and its neighbours run on', async () => {
    const world = getWorld();
    const { web, mixed } = world.containers;
    const [webId, mixedId] = await Promise.all([world.idOf(web), world.idOf(mixed)]);
    const first = await world.builtFrom();
    await world.writePage('second');
    expect(await world.builtFrom()).toBe(first);

    expect(await act(world, web, 'rebuild')).toMatchObject({
      container: web,
      action: 'rebuild',
      status: 'success',
    });

    expect(await world.builtFrom()).not.toBe(first);
    expect(await statusOf(world, web)).toMatchObject({ state: 'running', ports: world.webPorts });
    expect(await world.idOf(web)).not.toBe(webId);
    expect(await world.idOf(mixed)).toBe(mixedId);
  });

  test('a container of no compose project cannot be rebuilt', async () => {
    const { app, containers, idOf } = getWorld();
    const id = await idOf(containers.plain);
    const error = await expectApiError(
      await app.post(`/containers/${containers.plain}/rebuild`),
      'CONFLICT',
    );
    expect(error.message).toMatch(/compose/i);
    expect(await idOf(containers.plain)).toBe(id);
  });

  test('a failed build is told with its exit code and its last lines, and the old container runs on', async () => {
    const world = getWorld();
    const { web } = world.containers;
    const id = await world.idOf(web);
    await world.breakBuild();
    const response = await world.app.post(`/containers/${web}/rebuild`);
    const { details } = await expectApiError(response, 'INTERNAL_ERROR');
    expect(details.exitCode).toEqual(expect.any(Number));
    expect(details.exitCode).not.toBe(0);
    expect(details.output).toContain('broken on purpose');
    expect(await world.idOf(web)).toBe(id);
    expect(await statusOf(world, web)).toMatchObject({ state: 'running' });
  });
}

function declareRefusals(getWorld: GetWorld): void {
  test.each([
    ['GET', 'status'],
    ['GET', 'logs'],
    ['POST', 'start'],
    ['POST', 'stop'],
    ['POST', 'restart'],
    ['POST', 'rebuild'],
  ])(
    '%s …/%s of a container that does not exist is NOT_FOUND and names it',
    async (method, verb) => {
      const response = await getWorld().app.request(method, `/containers/ngnix/${verb}`);
      const error = await expectApiError(response, 'NOT_FOUND');
      expect(error.message).toContain("'ngnix'");
      expect(error.details.name).toBe('ngnix');
    },
  );

  test.each(['start', 'stop', 'restart', 'rebuild'])(
    '%s needs the scope admin, and is refused before the container is looked for',
    async (verb) => {
      const { app, containers } = getWorld();
      for (const name of [containers.plain, 'ngnix']) {
        const path = `/containers/${name}/${verb}`;
        await expectApiError(await app.post(path, { token: 'read' }), 'FORBIDDEN');
        await expectApiError(await app.post(path, { token: 'none' }), 'UNAUTHORIZED');
      }
      expect(await statusOf(getWorld(), containers.plain)).toMatchObject({ state: 'running' });
    },
  );
}
