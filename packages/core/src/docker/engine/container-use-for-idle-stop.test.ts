// What the engine tells of use: running containers, their CPU, and commands inside them.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { sendJson, startFakeEngine } from '../../testing/fake-engine.test-support.ts';
import { createEngine } from './engine.ts';

async function start(
  answers: Readonly<Record<string, (response: ServerResponse, body: string) => void>>,
) {
  const bodies: unknown[] = [];
  const fake = await startFakeEngine(async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (body !== '') bodies.push(JSON.parse(body));
    const key = `${request.method} ${request.url?.replace(/^\/v[\d.]+/, '')}`;
    const answer =
      answers[key] ?? ((gone) => sendJson(gone, 404, { message: 'No such container' }));
    answer(response, body);
  });
  const engine = createEngine({ channels: fake.channels, socketPath: fake.socketPath });
  return {
    fake,
    bodies,
    use: engine.use,
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    },
  };
}

const json = (status: number, body: unknown) => (response: ServerResponse) =>
  sendJson(response, status, body);

test('containers that run are told with their process, network and ports; one that has gone is left out', async () => {
  const listed = ['a', 'b', 'c', 'd'].map((id) => ({
    Id: id,
    Names: [`/${id}`],
    State: id === 'd' ? 'exited' : 'running',
    Labels: { 'ondemand.idle': 'keep', other: 'x' },
  }));
  await using world = await start({
    'GET /containers/json?all=1': json(200, listed),
    'GET /containers/a/json': json(200, {
      Id: 'a',
      State: { Running: true, Pid: 42 },
      Config: { ExposedPorts: { '80/tcp': {}, '53/udp': {}, '443': {} } },
      HostConfig: { NetworkMode: 'home_default' },
      NetworkSettings: {
        Ports: {
          '80/tcp': [
            { HostIp: '0.0.0.0', HostPort: '8080' },
            { HostIp: '::', HostPort: '8080' },
          ],
          '53/udp': [{ HostPort: '53' }],
          '443/tcp': null,
        },
        Networks: {
          home_default: { IPAddress: '172.18.0.3', GlobalIPv6Address: '', Gateway: '172.18.0.1' },
        },
      },
    }),
    'GET /containers/b/json': json(200, {
      Id: 'b',
      State: { Running: true, Pid: 43 },
      HostConfig: { NetworkMode: 'host' },
    }),
  });
  expect(await world.use.running()).toEqual([
    {
      ...{
        id: 'a',
        name: 'a',
        labels: { 'ondemand.idle': 'keep' },
        pid: 42,
        network: 'own',
        addresses: ['172.18.0.3'],
        gateways: ['172.18.0.1'],
      },
      ports: expect.toSatisfy((ports: number[]) => [...ports].sort().join() === '443,80'),
      published: [
        { port: 80, hostPort: 8080 },
        { port: 80, hostPort: 8080 },
      ],
    },
    expect.objectContaining({ id: 'b', pid: 43, network: 'host', ports: [], published: [] }),
  ]);
});

test('who uses the network of another container is told with that one', async () => {
  await using world = await start({
    'GET /containers/json?all=1': json(200, [{ Id: 'a', State: 'running' }]),
    'GET /containers/a/json': json(200, {
      Id: 'a',
      State: { Running: true, Pid: 42 },
      HostConfig: { NetworkMode: 'container:f00d' },
      NetworkSettings: { Ports: {}, Networks: {} },
    }),
  });
  expect(await world.use.running()).toEqual([
    expect.objectContaining({ network: 'shared', networkOwner: 'f00d' }),
  ]);
});

test.each([0, -1, 0.5, 2 ** 60, null])('a process of the number %s is none', async (Pid) => {
  await using world = await start({
    'GET /containers/json?all=1': json(200, [{ Id: 'a', State: 'running' }]),
    'GET /containers/a/json': json(200, { Id: 'a', State: { Running: true, Pid } }),
  });
  expect(await world.use.running()).toEqual([]);
});

test('the CPU of each is one sample that comes at once', async () => {
  await using world = await start({
    'GET /containers/a/stats?stream=false&one-shot=true': json(200, {
      cpu_stats: { cpu_usage: { total_usage: 5e9 } },
    }),
  });
  expect(await world.use.cpuTimes(['a', 'gone'])).toEqual(new Map([['a', 5e9]]));
});

test('a probe runs inside its container, and its exit code is waited for', async () => {
  let polls = 0;
  await using world = await start({
    'POST /containers/a/exec': json(201, { Id: 'e1' }),
    'POST /exec/e1/start': json(200, {}),
    'GET /exec/e1/json': (response) => {
      polls += 1;
      sendJson(response, 200, { Running: polls < 3, ExitCode: polls < 3 ? null : 1 });
    },
  });
  const argv = ['/bin/sh', '-c', "it's $(reboot)"];
  expect(await world.use.probe('a', argv, { timeoutMs: 10_000 })).toBe(1);
  expect(world.bodies).toEqual([{ Cmd: argv }, { Detach: true }]);
});

test('a probe that hangs is not started a second time', async () => {
  await using world = await start({
    'POST /containers/a/exec': json(201, { Id: 'e1' }),
    'POST /exec/e1/start': json(200, {}),
    'GET /exec/e1/json': json(200, { Running: true, ExitCode: null }),
  });
  expect(await world.use.probe('a', ['x'], { timeoutMs: 0 })).toBeUndefined();
  expect(await world.use.probe('a', ['x'], { timeoutMs: 0 })).toBeUndefined();
  expect(world.fake.requests.filter((request) => request.startsWith('POST'))).toHaveLength(2);
});

test('a probe in an image without its command fails with what Docker says', async () => {
  await using world = await start({
    'POST /containers/a/exec': json(201, { Id: 'e1' }),
    'POST /exec/e1/start': json(400, { message: 'exec: "/bin/sh": no such file' }),
  });
  await expect(world.use.probe('a', ['/bin/sh'], { timeoutMs: 1000 })).rejects.toMatchObject({
    name: 'AppError',
  });
});

test('two who probe at the same time share one run of the probe, and its exit code', async () => {
  let isRunning = true;
  let polls = 0;
  await using world = await start({
    'POST /containers/a/exec': json(201, { Id: 'e1' }),
    'POST /exec/e1/start': json(200, {}),
    'GET /exec/e1/json': (response) => {
      polls += 1;
      sendJson(response, 200, { Running: isRunning, ExitCode: isRunning ? null : 1 });
    },
  });
  const probe = (signal?: AbortSignal) =>
    world.use.probe('a', ['x'], { timeoutMs: 60_000, signal });
  const leaving = new AbortController();
  const first = probe(leaving.signal);
  await expect.poll(() => polls).toBeGreaterThan(0);
  const others = [probe(), probe()];
  leaving.abort(new Error('left'));
  await expect(first).rejects.toThrow('left');
  isRunning = false;
  expect(await Promise.all(others)).toEqual([1, 1]);
  expect(world.fake.requests.filter((request) => request.startsWith('POST'))).toHaveLength(2);
});

test('a probe whose caller left is waited for by the next one, which runs it anew', async () => {
  let polls = 0;
  let runs = 0;
  await using world = await start({
    'POST /containers/a/exec': (response) => {
      runs += 1;
      sendJson(response, 201, { Id: `e${runs}` });
    },
    'POST /exec/e1/start': json(200, {}),
    'POST /exec/e2/start': json(200, {}),
    'GET /exec/e1/json': (response) => {
      polls += 1;
      sendJson(response, 200, { Running: polls < 4, ExitCode: polls < 4 ? null : 1 });
    },
    'GET /exec/e2/json': json(200, { Running: false, ExitCode: 0 }),
  });
  const leaving = new AbortController();
  const options = { timeoutMs: 60_000 };
  const first = world.use.probe('a', ['x'], { ...options, signal: leaving.signal });
  await expect.poll(() => polls).toBeGreaterThan(0);
  leaving.abort(new Error('left'));
  await expect(first).rejects.toThrow('left');
  expect(await world.use.probe('a', ['x'], options)).toBe(0);
  expect(runs).toBe(2);
});

test('a probe whose start was not answered is not started a second time while it runs', async () => {
  let starts = 0;
  await using world = await start({
    'POST /containers/a/exec': json(201, { Id: 'e1' }),
    'POST /exec/e1/start': (response) => {
      starts += 1;
      response.destroy();
    },
    'GET /exec/e1/json': json(200, { Running: true, ExitCode: null }),
  });
  await expect(world.use.probe('a', ['x'], { timeoutMs: 0 })).rejects.toThrow();
  expect(await world.use.probe('a', ['x'], { timeoutMs: 0 })).toBeUndefined();
  expect(starts).toBe(1);
});

test('the probe of a container that has gone is forgotten', async () => {
  let isGone = false;
  await using world = await start({
    'GET /containers/json?all=1': (response) =>
      sendJson(
        response,
        200,
        isGone ? [] : [{ Id: 'a', Names: ['/a'], State: 'paused', Labels: {} }],
      ),
    'POST /containers/a/exec': json(201, { Id: 'e1' }),
    'POST /exec/e1/start': json(200, {}),
    'GET /exec/e1/json': json(200, { Running: true, ExitCode: null }),
  });
  const starts = () =>
    world.fake.requests.filter((request) => request.includes('/exec/e1/start')).length;
  expect(await world.use.probe('a', ['x'], { timeoutMs: 0 })).toBeUndefined();
  await world.use.running();
  expect(await world.use.probe('a', ['x'], { timeoutMs: 0 })).toBeUndefined();
  expect(starts()).toBe(1);
  isGone = true;
  await world.use.running();
  expect(await world.use.probe('a', ['x'], { timeoutMs: 0 })).toBeUndefined();
  expect(starts()).toBe(2);
});
