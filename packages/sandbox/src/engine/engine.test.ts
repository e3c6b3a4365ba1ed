import { setImmediate as immediately, setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  parseFrames,
  readAll,
  startTestEngine,
  type TestEngine,
} from '../testing/engine.test-support.ts';

async function start(): Promise<TestEngine> {
  const app = await startTestEngine();
  onTestFinished(() => app[Symbol.asyncDispose]());
  return app;
}

function message(text: string): { message: string } {
  return { message: text };
}

async function names(app: TestEngine, query: string): Promise<readonly string[]> {
  const { json } = await app.call('GET', `/v1.51/containers/json?${query}`);
  return (json as { Names: string[] }[]).flatMap((item) => item.Names).sort();
}

test('_ping says what the engine speaks', async () => {
  const app = await start();
  const { status, text, headers } = await app.call('GET', '/_ping');
  expect({ status, text }).toEqual({ status: 200, text: 'OK' });
  expect(headers).toMatchObject({
    'api-version': '1.51',
    'docker-experimental': 'false',
    ostype: 'linux',
    server: 'Docker/28.3.3 (linux)',
    'content-type': 'text/plain; charset=utf-8',
  });
  expect((await app.call('HEAD', '/_ping')).text).toBe('');
});

test('versions out of range are refused in words, and the range can be set', async () => {
  const app = await start();
  const tooNew = await app.call('GET', '/v1.99/version');
  expect(tooNew.status).toBe(400);
  expect(tooNew.json).toEqual(
    message('client version 1.99 is too new. Maximum supported API version is 1.51'),
  );
  Object.assign(app.engine.version, { api: '1.52', minApi: '1.44', engine: '29.0.0' });
  const tooOld = await app.call('GET', '/v1.43/containers/json');
  expect(tooOld.status).toBe(400);
  expect(tooOld.json).toEqual(
    message(
      'client version 1.43 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version',
    ),
  );
  const { json } = await app.call('GET', '/v1.44/version');
  expect(json).toMatchObject({ ApiVersion: '1.52', MinAPIVersion: '1.44', Version: '29.0.0' });
});

test.each([
  ['GET', '/v1.51/containers/nope/json', 404, 'No such container: nope'],
  ['POST', '/v1.51/containers/nope/start', 404, 'No such container: nope'],
  ['POST', '/v1.51/containers/nope/stop', 404, 'No such container: nope'],
  [
    'POST',
    '/v1.51/containers/held/start',
    409,
    'cannot start a paused container, try unpause instead',
  ],
  [
    'POST',
    '/v1.51/containers/corpse/start',
    409,
    'container is marked for removal and cannot be started',
  ],
  ['POST', '/v1.51/containers/up/start', 304, undefined],
  ['POST', '/v1.51/containers/down/stop', 304, undefined],
  ['POST', '/v1.51/containers/up/stop?t=x', 400, 'strconv.Atoi: parsing "x": invalid syntax'],
  ['POST', '/v1.51/containers/up/kill?signal=FOO', 400, 'invalid signal: FOO'],
  [
    'POST',
    '/v1.51/containers/twin/start',
    500,
    /Bind for 0.0.0.0:8080 failed: port is already allocated$/,
  ],
  [
    'DELETE',
    '/v1.51/containers/up',
    409,
    'cannot remove container "/up": container is running: stop the container before removing or force remove',
  ],
  [
    'POST',
    '/v1.51/containers/up/rename?name=down',
    409,
    /^Conflict. The container name "\/down" is already in use/,
  ],
  ['GET', '/v1.51/containers/up/logs', 400, 'Bad parameters: you must choose at least one stream'],
  [
    'GET',
    '/v1.51/containers/json?filters=%7B%22foo%22:%5B%22a%22%5D%7D',
    400,
    "invalid filter 'foo'",
  ],
  ['GET', '/v1.51/foo', 404, 'page not found'],
  ['PUT', '/v1.51/containers/json', 404, 'page not found'],
])('%s %s answers %d', async (method, path, status, text) => {
  const app = await start();
  const ports = [{ containerPort: 80, protocol: 'tcp', hostPort: 8080 }] as const;
  app.engine.add({ name: 'up', ports });
  app.engine.add({ name: 'twin', status: 'exited', ports });
  app.engine.add({ name: 'down', status: 'exited' });
  app.engine.add({ name: 'held', status: 'paused' });
  app.engine.add({ name: 'corpse', status: 'dead' });
  const answer = await app.call(method, path);
  expect(answer.status).toBe(status);
  if (text === undefined) expect(answer.body.length).toBe(0);
  else
    expect(answer.json).toEqual({
      message: typeof text === 'string' ? text : expect.stringMatching(text),
    });
});

test('the list filters as docker ps does, newest first', async () => {
  const app = await start();
  app.engine.add({ name: 'web', createdAgoMs: 3_000, labels: { tier: 'front' } });
  app.engine.add({ name: 'web2', createdAgoMs: 2_000, linkNames: ['/web/alias'] });
  app.engine.add({ name: 'old', createdAgoMs: 9_000, status: 'exited' });
  const filters = (what: object): string => `filters=${encodeURIComponent(JSON.stringify(what))}`;
  expect(await names(app, '')).toEqual(['/web', '/web/alias', '/web2']);
  expect(await names(app, 'all=true')).toEqual(['/old', '/web', '/web/alias', '/web2']);
  expect(await names(app, `all=1&${filters({ name: ['^/?old$'] })}`)).toEqual(['/old']);
  expect(await names(app, filters({ name: { '^/web$': true } }))).toEqual(['/web']);
  expect(await names(app, filters({ status: ['exited'] }))).toEqual(['/old']);
  expect(await names(app, filters({ label: ['tier=front'] }))).toEqual(['/web']);
  const { id } = app.engine.add({ name: 'newest', status: 'created' });
  expect(await names(app, 'limit=1')).toEqual(['/newest']);
  expect(await names(app, `all=1&${filters({ id: [id.slice(0, 12)] })}`)).toEqual(['/newest']);
});

test('list and inspect say the same of one container', async () => {
  const app = await start();
  const container = app.engine.add({
    name: 'nginx',
    image: 'nginx:1.29',
    startedAgoMs: 3 * 3_600_000,
    healthcheck: ['CMD', 'true'],
    ports: [
      { containerPort: 80, protocol: 'tcp', hostPort: 8080 },
      { containerPort: 443, protocol: 'tcp' },
    ],
  });
  const [item] = (await app.call('GET', '/containers/json')).json as [Record<string, unknown>];
  expect(item).toMatchObject({
    Id: container.id,
    Names: ['/nginx'],
    Image: 'nginx:1.29',
    State: 'running',
    Status: 'Up 3 hours (healthy)',
    Ports: [
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { PrivatePort: 443, Type: 'tcp' },
    ],
  });
  for (const reference of ['nginx', container.id, container.id.slice(0, 8), '%2Fnginx']) {
    const { json } = await app.call('GET', `/containers/${reference}/json`);
    expect(json).toMatchObject({
      Id: container.id,
      Name: '/nginx',
      State: { Status: 'running', Running: true, Paused: false, Health: { Status: 'healthy' } },
      Config: { Tty: false, Image: 'nginx:1.29' },
    });
  }
});

test('stop, start and restart take effect, keep the log and tell it as events', async () => {
  const app = await start();
  const container = app.engine.add({ name: 'web', behaviour: { stopExitCode: 0 } });
  app.engine.appendLog('web', 'stdout', 'before\n');
  // Milliseconds are coarser than the engine's clock: one more on both sides.
  const since = (Date.now() - 1) / 1_000;
  expect((await app.call('POST', '/containers/web/stop')).status).toBe(204);
  expect(container).toMatchObject({ status: 'exited', exitCode: 0, pid: 0 });
  expect((await app.call('POST', '/containers/web/start')).status).toBe(204);
  expect((await app.call('POST', '/containers/web/restart?t=1')).status).toBe(204);
  expect(container.status).toBe('running');
  const { body } = await app.call('GET', '/containers/web/logs?stdout=1');
  expect(parseFrames(body)).toEqual([{ stream: 1, text: 'before\n' }]);
  const filters = encodeURIComponent(JSON.stringify({ type: ['container'] }));
  const until = (Date.now() + 1) / 1_000;
  const events = await app.call(
    'GET',
    `/events?since=${since.toFixed(3)}&until=${until.toFixed(3)}&filters=${filters}`,
  );
  const actions = events.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).Action);
  const down = ['kill', 'die', 'stop'];
  const told = actions.filter((action) => action !== 'create');
  expect(told).toEqual([...down, 'start', ...down, 'start', 'restart']);
});

test('a program that ignores the stop signal is killed after the grace period', async () => {
  const app = await start();
  const container = app.engine.add({ name: 'deaf', behaviour: { ignoresStop: true } });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const stopping = app.call('POST', '/containers/deaf/stop?t=1');
  while (vi.getTimerCount() === 0) await immediately();
  await vi.advanceTimersByTimeAsync(999);
  expect(container.status).toBe('running');
  await vi.advanceTimersByTimeAsync(1);
  expect((await stopping).status).toBe(204);
  expect(container.exitCode).toBe(137);
});

test('a stop goes on when the client leaves', async () => {
  const app = await start();
  const container = app.engine.add({ name: 'web', behaviour: { stopTakesMs: 100 } });
  app.faults.docker.losesAnswer = true;
  await expect(app.call('POST', '/containers/web/stop')).rejects.toThrow();
  expect(container.status).toBe('exited');
});

test('a crash loop restarts with growing delays until it is stopped', async () => {
  const app = await start();
  const container = app.engine.add({
    name: 'crash',
    restart: 'always',
    status: 'exited',
    behaviour: { exitsAfterMs: 5, exitCode: 1 },
  });
  await app.call('POST', '/containers/crash/start');
  await expect.poll(() => container.restartCount).toBeGreaterThan(1);
  await expect.poll(() => container.status).toBe('restarting');
  expect((await app.call('POST', '/containers/crash/start')).status).toBe(304);
  expect((await app.call('POST', '/containers/crash/stop')).status).toBe(204);
  expect(container).toMatchObject({ status: 'exited', exitCode: 1 });
});

test('logs come in frames, without frames from a terminal, and followed until the end of the run', async () => {
  const app = await start();
  app.engine.add({ name: 'web' });
  app.engine.add({ name: 'tty', tty: true });
  app.engine.appendLog('web', 'stdout', 'grüße ✓\n');
  app.engine.appendLog('web', 'stderr', 'oops\n');
  app.engine.appendLog('tty', 'stdout', 'raw\r\n');
  const both = await app.call('GET', '/v1.51/containers/web/logs?stdout=1&stderr=1');
  expect(both.headers['content-type']).toBe('application/vnd.docker.multiplexed-stream');
  expect(parseFrames(both.body)).toEqual([
    { stream: 1, text: 'grüße ✓\n' },
    { stream: 2, text: 'oops\n' },
  ]);
  const tty = await app.call('GET', '/v1.51/containers/tty/logs?stdout=1');
  expect(tty.headers['content-type']).toBe('application/vnd.docker.raw-stream');
  expect(tty.text).toBe('raw\r\n');

  const followed = await app.open('GET', '/containers/web/logs?stdout=1&follow=1&tail=0');
  expect(followed.headers['transfer-encoding']).toBe('chunked');
  const text = readAll(followed);
  app.engine.appendLog('web', 'stdout', 'live\n');
  await app.call('POST', '/containers/web/stop');
  expect(parseFrames(await text)).toEqual([{ stream: 1, text: 'live\n' }]);
});

test('a slow reader holds the engine back instead of filling its memory', async () => {
  const app = await start();
  app.engine.add({ name: 'big' });
  const line = `${'x'.repeat(16_000)}\n`;
  for (let index = 0; index < 1_500; index += 1) app.engine.appendLog('big', 'stdout', line);
  const before = process.memoryUsage().arrayBuffers;
  const response = await app.open('GET', '/containers/big/logs?stdout=1');
  await sleep(200);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1_048_576);
  expect(parseFrames(await readAll(response))).toHaveLength(1_500);
});

test('stats are a sample with CPU times for a running container and zeros for a stopped one', async () => {
  const app = await start();
  app.engine.add({ name: 'web', startedAgoMs: 60_000, memoryLimitBytes: 268_435_456 });
  app.engine.add({ name: 'down', status: 'exited' });
  const { json } = await app.call('GET', '/containers/web/stats?stream=false&one-shot=true');
  expect(json).toMatchObject({
    name: '/web',
    memory_stats: { limit: 268_435_456, usage: expect.any(Number) },
    precpu_stats: { cpu_usage: { total_usage: 0 } },
    networks: { eth0: { rx_bytes: expect.any(Number) } },
  });
  const down = await app.call('GET', '/containers/down/stats?stream=false&one-shot=true');
  expect(down.json).toMatchObject({ read: '0001-01-01T00:00:00Z', memory_stats: {} });
});

test('after a lost power supply only what has a policy comes back', async () => {
  const app = await start();
  const { engine } = app;
  for (const restart of ['no', 'always', 'unless-stopped', 'on-failure'] as const) {
    engine.add({ name: restart, restart });
  }
  const byHand = engine.add({ name: 'by-hand', restart: 'unless-stopped' });
  await app.call('POST', '/containers/by-hand/stop');
  engine.add({ name: 'held', status: 'paused' });
  await engine.halt();
  await expect(app.call('GET', '/_ping')).rejects.toThrow(/ENOENT/);
  await engine.boot();
  const states = Object.fromEntries(engine.containers.map(({ name, status }) => [name, status]));
  expect(states).toEqual({
    no: 'exited',
    always: 'running',
    'unless-stopped': 'running',
    'on-failure': 'running',
    'by-hand': 'exited',
    held: 'exited',
  });
  expect(engine.find('no')?.exitCode).toBe(255);
  expect(byHand.exitCode).toBe(143);
});

test('restartDaemon() cuts connections, stops containers and brings back those with a policy', async () => {
  const app = await start();
  const stays = app.engine.add({ name: 'stays', restart: 'always' });
  const goes = app.engine.add({ name: 'goes' });
  const followed = await app.open('GET', '/containers/stays/logs?stdout=1&follow=1');
  const end = readAll(followed).then(
    () => 'end',
    () => 'cut',
  );
  const restarted = app.engine.restartDaemon({ downMs: 50 });
  await expect.poll(() => app.call('GET', '/_ping').catch((error) => error.code)).toBe('ENOENT');
  await restarted;
  expect(['end', 'cut']).toContain(await end);
  expect((await app.call('GET', '/_ping')).status).toBe(200);
  expect([stays.status, goes.status]).toEqual(['running', 'exited']);
});

test('faults hit what they are meant for and as often as they are meant', async () => {
  const app = await start();
  app.engine.add({ name: 'web' });
  Object.assign(app.faults.docker, {
    status: 500,
    message: 'out of memory',
    only: ({ path }: { path: string }) => path === '/containers/json',
    times: 1,
  });
  expect((await app.call('GET', '/v1.44/containers/web/json')).status).toBe(200);
  expect((await app.call('GET', '/v1.44/containers/json')).json).toEqual(message('out of memory'));
  expect((await app.call('GET', '/v1.44/containers/json')).status).toBe(200);

  app.faults.reset();
  app.faults.docker.cutsBody = true;
  await expect(app.call('GET', '/containers/json')).rejects.toThrow(/aborted/);
  await expect(app.call('GET', '/info')).rejects.toThrow(/aborted/);

  app.faults.reset();
  app.faults.docker.hangs = true;
  const hanging = app.call('GET', '/_ping').catch((error) => error.code);
  await expect.poll(() => app.engine.connections).toBe(1);
  await app.engine.halt();
  expect(await hanging).toBe('ECONNRESET');
});

test('socketMissing and socketDenied refuse connections as the system would', async () => {
  const app = await start();
  app.faults.docker.socketMissing = true;
  await expect(app.engine.connect()).rejects.toMatchObject({ code: 'ENOENT' });
  app.faults.reset();
  app.faults.docker.socketDenied = true;
  await expect(app.engine.connect()).rejects.toMatchObject({ code: 'EACCES' });
  app.faults.reset();
  (await app.engine.connect()).destroy();
});

test.each([
  ['daemon-error', [1, 3]],
  ['unknown-stream', [1, 9]],
] as const)('badFrames %s sends stream %j', async (badFrames, streams) => {
  const app = await start();
  app.engine.add({ name: 'web' });
  app.engine.appendLog('web', 'stdout', 'good\nnever\n');
  app.faults.docker.badFrames = badFrames;
  const { body } = await app.call('GET', '/containers/web/logs?stdout=1');
  expect(parseFrames(body).map(({ stream }) => stream)).toEqual(streams);
});

test('requests are counted by route and remembered', async () => {
  const app = await start();
  app.engine.add({ name: 'web' });
  await Promise.all(
    ['web', 'web', 'nope'].map((name) => app.call('GET', `/v1.51/containers/${name}/json`)),
  );
  await app.call('GET', '/containers/json?all=1');
  expect(app.engine.count('GET /containers/{id}/json')).toBe(3);
  expect(app.engine.count()).toBe(4);
  expect(app.engine.requests.at(-1)).toEqual({
    method: 'GET',
    path: '/containers/json',
    query: '?all=1',
    route: 'GET /containers/json',
  });
  app.engine.forgetRequests();
  expect(app.engine.count()).toBe(0);
});
