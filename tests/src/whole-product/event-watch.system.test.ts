// The watch on a real engine: one stream of Docker's, however many listen, and nothing left open once they have gone.

import { dirname, join } from 'node:path';
import type { ContainerActionResult, OnDemandEvent } from '@ondemand/core';
import { beforeAll, expect, test } from 'vitest';
import { baseImage } from '../real-engine/base-image.ts';
import { describeRealEngine } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { type EngineProxy, startEngineProxy } from '../support/counting-proxies.ts';
import { openAll, openSuite } from '../support/disposer.ts';
import { openSse, type SseStream } from '../support/sse.ts';
import { type App, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

const name = 'watched';

describeRealEngine('the watch on a real engine', () => {
  let vm: RealVm;
  let engine: EngineProxy;
  let app: App;
  beforeAll(() =>
    openSuite(async (opened) => {
      vm = opened.use(await startRealVm());
      const onVm = ['--init', '--network', 'host'];
      await vm.docker('run', '--detach', ...onVm, '--name', name, baseImage, 'sleep', '100000');
      engine = opened.use(
        await startEngineProxy(join(dirname(vm.dockerSocket), 'counted.sock'), vm.dockerSocket),
      );
      app = opened.use(
        await startAppHere({ env: { ...vm.env, DOCKER_SOCKET: engine.socketPath } }),
      );
    }),
  );

  const openStreams = (what: string) => engine.open.filter((line) => line.includes(what));

  test('200 listeners cost one event stream, and each is told everything in the same order', async () => {
    await using opened = await openAll(async (parts) => {
      const listeners = await Promise.all(
        Array.from({ length: 200 }, () => openSse(app, '/events')),
      );
      for (const listener of listeners) parts.use(listener);
      return { listeners };
    });
    const { listeners } = opened;
    await app.postJson<ContainerActionResult>(`/containers/${name}/restart`);
    const orders = await Promise.all(listeners.map((listener) => readUntil(listener, 'restart')));
    expect(orders[0]).toEqual(expect.arrayContaining(['die', 'start', 'restart']));
    for (const order of orders) expect(order).toEqual(orders[0]);
    expect(openStreams('/events')).toHaveLength(1);
  });

  test('leaving a followed log ends the reading of it on the engine', async () => {
    const log = await openSse(app, `/containers/${name}/logs/stream`);
    expect(openStreams('/logs?')).toHaveLength(1);
    await log[Symbol.asyncDispose]();
    await until('Docker to be left', () => openStreams('/logs?').length === 0);
  });

  test('what was done by others, on the VM itself, is told too', async () => {
    await using listener = await openSse(app, '/events');
    await vm.docker('pause', name);
    await vm.docker('unpause', name);
    expect(await readUntil(listener, 'unpause')).toEqual(['pause', 'unpause']);
  });
});

/** The container's actions up to that one. */
async function readUntil(listener: SseStream, last: string): Promise<readonly string[]> {
  const actions: string[] = [];
  while (actions.at(-1) !== last) {
    const message = await listener.next();
    if (message === undefined) return expect.unreachable('the stream ended');
    const event = JSON.parse(message.data) as OnDemandEvent; // checked by what follows
    if (event.type === 'container' && event.name === name) actions.push(event.action);
  }
  return actions;
}
