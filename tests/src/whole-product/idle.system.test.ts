// The idle stop, from the sandbox's VM to the power of it: who uses it, who is told, and which process stops it.

import type { IdleVerdict, OnDemandEvent, Signal } from '@ondemand/client';
import { startSandbox } from '@ondemand/sandbox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { expectApiError } from '../support/expect-api-error.ts';
import { openSse } from '../support/sse.ts';
import { startServerHere } from '../support/start-api-in-this-process.ts';
import { startServer } from '../support/start-api-process.ts';
import { type App, createCaller, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

describe('GET /vm/idle', () => {
  let app: App;
  beforeAll(() =>
    openSuite(async (opened) => {
      app = opened.use(await startAppHere());
    }),
  );
  afterAll(() => {
    app?.sandbox.faults.reset();
  });

  const read = () => app.getJson<IdleVerdict>('/vm/idle');
  const observe = async (name: Signal['name']) =>
    (await read()).signals.find((signal) => signal.name === name);
  const { connections, sessions } = { connections: 'connections', sessions: 'sessions' } as const;

  test('of a VM that nobody uses: every signal is unused, and without the idle stop it never stops', async () => {
    const verdict = await read();
    expect(verdict).toMatchObject({
      enabled: false,
      stopsAt: null,
      stopsBecause: null,
      leases: [],
    });
    expect(Object.fromEntries(verdict.signals.map(({ name, state }) => [name, state]))).toEqual({
      ...{ connections: 'unused', cpu: 'unused', sessions: 'unused', jobs: 'unused' },
      ...{ leases: 'unused', actions: 'unused', probe: 'unused' },
    });
  });

  test('names who is connected and who is logged in, and knows the other processes of the API', async () => {
    await using other = await startServerHere({ ...app.sandbox.env });
    const headers = { authorization: `Bearer ${app.tokens.read}` };
    await fetch(`${other.url}/containers`, { headers });
    const { use } = app.sandbox.vm;
    use.connections = { nginx: ['198.51.100.7:51234', '127.0.0.1:50000'] };
    expect(await observe(connections)).toMatchObject({
      state: 'used',
      value: 1,
      by: 'nginx:80 from 198.51.100.7:51234',
    });
    use.connections = {};
    expect((await observe(connections))?.state).toBe('unused');
    await until(
      'the other process to be known',
      async () => (await observe(sessions))?.value === 0,
    );
    use.sessions = ['198.51.100.9:40000'];
    expect(await observe(sessions)).toMatchObject({
      state: 'used',
      by: 'ssh from 198.51.100.9:40000',
    });
    use.sessions = [];
    use.hidesProcesses = true;
    expect(await observe(connections)).toMatchObject({
      state: 'unknown',
      reason: expect.stringContaining('hidepid'),
    });
    use.hidesProcesses = false;
  });

  test('sees CPU, an action, a lease and a probe', async () => {
    const { engine } = app.sandbox.vm;
    engine.setCpu('postgres', 90);
    await until('CPU to be seen', async () => (await observe('cpu'))?.by?.includes('postgres'));
    engine.setCpu('postgres', 0);
    await app.post('/containers/nginx/restart');
    expect((await observe('actions'))?.by).toMatch(/^restart of nginx by /);
    const body = JSON.stringify({ minutes: 90, reason: 'a film' });
    const json = { 'content-type': 'application/json' };
    const taken = await app.post('/vm/leases', { body, headers: json });
    expect(taken.status).toBe(200);
    const { id } = (await taken.json()) as { id: string };
    expect((await read()).leases).toEqual([expect.objectContaining({ id, reason: 'a film' })]);
    expect((await observe('leases'))?.by).toContain('a film');
    expect((await app.request('DELETE', `/vm/leases/${id}`)).status).toBe(200);
    await expectApiError(await app.request('DELETE', `/vm/leases/${id}`), 'NOT_FOUND');
    const probed = engine.add({ name: 'game', labels: { 'ondemand.idle.probe': 'true' } });
    expect(await observe('probe')).toMatchObject({ state: 'used', by: 'game' });
    probed.execEnd = 1;
    expect((await observe('probe'))?.state).toBe('unused');
    probed.execEnd = 7;
    expect(await observe('probe')).toMatchObject({
      state: 'unknown',
      reason: expect.stringContaining('7'),
    });
    engine.remove('game');
  });

  test('sees who is connected to a container in the network of an ignored one, and of one that is paused', async () => {
    const { engine, use } = app.sandbox.vm;
    const labels = { 'ondemand.idle': 'ignore' };
    const vpn = engine.add({ name: 'vpn', labels });
    engine.add({ name: 'torrent', network: `container:${vpn.id}` });
    use.connections = { torrent: ['198.51.100.7:51234'] };
    const by = 'torrent:80 from 198.51.100.7:51234';
    expect(await observe(connections)).toMatchObject({ state: 'used', value: 1, by });
    engine.remove('vpn');
    const owner = engine.add({ name: 'vpn', id: vpn.id });
    expect(await observe(connections)).toMatchObject({
      value: 1,
      by: 'vpn:80 from 198.51.100.7:51234',
    });
    owner.status = 'paused';
    expect(await observe(connections)).toMatchObject({ value: 1, by });
    use.connections = {};
    expect((await observe(connections))?.state).toBe('unused');
    for (const name of ['torrent', 'vpn']) engine.remove(name);
  });

  test('takes a wake of a VM that is on for use of it', async () => {
    expect((await app.post('/vm/wake')).status).toBe(200);
    expect(await observe('actions')).toMatchObject({
      state: 'used',
      by: expect.stringMatching(/^wake by /),
    });
  });

  test('of a VM whose clock goes an hour ahead is told in our own time', async () => {
    const { use } = app.sandbox.vm;
    use.clockAheadSeconds = 3600;
    const body = JSON.stringify({ minutes: 60 });
    const taken = await app.post('/vm/leases', {
      body,
      headers: { 'content-type': 'application/json' },
    });
    const { expiresAt } = (await taken.json()) as { expiresAt: string };
    expect(Math.abs(Date.parse(expiresAt) - Date.now() - 3_600_000)).toBeLessThan(120_000);
    use.clockAheadSeconds = 0;
  });

  test('with Docker or sshd out of order says what is unknown, and of a VM that is off that it is', async () => {
    const { faults, world } = app.sandbox;
    faults.docker.socketMissing = true;
    await until(
      'Docker to be missed',
      async () => (await observe(connections))?.state === 'unknown',
    );
    expect((await observe('sessions'))?.state).toBe('unused');
    faults.reset();
    faults.ssh.exec = false;
    const verdict = await until('commands to be missed', async () => {
      const found = await read();
      return found.usedAt === null ? found : undefined;
    });
    expect(new Set(verdict.signals.map(({ state }) => state))).toEqual(new Set(['unknown']));
    faults.reset();
    world.setLifecycleState('STOPPED');
    const error = await until('the VM to be off', async () => {
      const response = await app.get('/vm/idle');
      return response.status === 503
        ? await expectApiError(response, 'SERVICE_UNAVAILABLE')
        : undefined;
    });
    expect(error.details).toMatchObject({ lifecycleState: 'STOPPED' });
  });
});

test('a failure of OCI is no time in which nobody used the VM', async () => {
  const [minutes, stopAfterMs] = ['0.1', 6000];
  await using sandbox = await startSandbox();
  const { use } = sandbox.vm;
  use.upSeconds = 7200;
  use.connections = { nginx: ['198.51.100.7:51234'] };
  const rule = { IDLE_STOP_AFTER_MINUTES: minutes, IDLE_ANNOUNCE_MINUTES: '0' };
  await using server = await startServerHere({ ...sandbox.env, ...rule });
  const findLine = (msg: string) => server.logs().find((line) => line.msg === msg);
  const headers = { authorization: `Bearer ${await sandbox.tokens.read()}` };
  await until('the use to be kept', async () => {
    const verdict = await (await fetch(`${server.url}/vm/idle`, { headers })).json();
    const [{ lastUsedAt, state }] = (verdict as IdleVerdict).signals as [Signal];
    return state === 'used' && lastUsedAt;
  });
  sandbox.faults.oci.status = 500;
  await until('the failure to be seen', () => findLine('the idle stop failed; the VM stays on'));
  const endedAtMs = Date.now();
  sandbox.faults.reset();
  use.connections = {};
  const { idle } = await until('the stop', () => findLine('idle stop: stopping'));
  const { stopsAt } = idle as { readonly stopsAt: string };
  // In whole seconds.
  expect(Date.parse(stopsAt)).toBeGreaterThan(endedAtMs + stopAfterMs - 1000);
});

test('a VM whose Docker comes up late is left on for ten minutes after that', async () => {
  await using sandbox = await startSandbox();
  const { faults } = sandbox;
  Object.assign(faults.docker, { socketMissing: true, dialStdioFails: true });
  sandbox.vm.use.upSeconds = 7200;
  const rule = { IDLE_STOP_AFTER_MINUTES: '0.1', IDLE_ANNOUNCE_MINUTES: '0' };
  await using server = await startServerHere({ ...sandbox.env, ...rule });
  const headers = { authorization: `Bearer ${await sandbox.tokens.read()}` };
  const read = async () =>
    (await (await fetch(`${server.url}/vm/idle`, { headers })).json()) as IdleVerdict;
  const isKnown = ({ signals }: IdleVerdict) => signals.every(({ state }) => state === 'unused');
  await until('Docker to be missed', async () => !isKnown(await read()));
  const downAtMs = Date.now();
  faults.reset();
  const verdict = await until('Docker to answer', async () => {
    const found = await read();
    return isKnown(found) ? found : undefined;
  });
  expect(Date.parse(verdict.stopsAt ?? '')).toBeGreaterThan(downAtMs + 599_000);
});

test('three processes announce a stop, send one SOFTSTOP between them, and record it', async () => {
  const env = { IDLE_STOP_AFTER_MINUTES: '0.05', IDLE_ANNOUNCE_MINUTES: '0.02' };
  await using sandbox = await startSandbox();
  const [read, admin] = await Promise.all([sandbox.tokens.read(), sandbox.tokens.admin()]);
  sandbox.vm.use.upSeconds = 7200;
  sandbox.vm.use.sessions = ['198.51.100.9:40000'];
  await using first = await startServer({ ...sandbox.env, ...env });
  await using second = await startServer({ ...sandbox.env, ...env });
  await using third = await startServerHere({ ...sandbox.env, ...env });
  const servers = [first, second, third];
  const headers = { authorization: `Bearer ${read}` };
  await using events = await openSse(createCaller(first.url, { read, admin }), '/events');
  const verdict = await until('a look of each', async () => {
    const answers = await Promise.all(
      servers.map(async ({ url }) => (await fetch(`${url}/vm/idle`, { headers })).json()),
    );
    return (
      (answers as IdleVerdict[]).every(({ usedBy }) => usedBy?.startsWith('sessions')) && answers[0]
    );
  });
  expect(verdict).toMatchObject({ enabled: true, stopsAt: null });
  expect(sandbox.oci.count('InstanceAction')).toBe(0);
  sandbox.vm.use.sessions = [];
  await until('the VM to stop', () => sandbox.world.instance.lifecycleState === 'STOPPED');
  expect(sandbox.oci.count('InstanceAction')).toBe(1);
  const stages: string[] = [];
  while (!stages.includes('announced')) {
    const event = JSON.parse((await events.next())?.data ?? '{}') as OnDemandEvent;
    if (event.type === 'idle') stages.push(event.stage);
  }
  const audits = await until('the audit of the stop', () => {
    const all = servers
      .flatMap((server) => server.logs())
      .flatMap(({ audit }) => (audit === undefined ? [] : [audit as Record<string, unknown>]));
    return all.length >= 2 ? all : undefined;
  });
  expect(audits.map(({ sub, action, outcome }) => [sub, action, outcome])).toEqual([
    ['ondemand:idle', 'vm_stop', 'intent'],
    ['ondemand:idle', 'vm_stop', 'success'],
  ]);
  expect(new Set(audits.map(({ requestId }) => requestId)).size).toBe(1);
});
