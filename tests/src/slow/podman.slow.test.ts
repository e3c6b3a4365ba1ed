// Podman 5 in Docker's place: what it answers otherwise, on the real one.

import { basename, dirname } from 'node:path';
import type { Container, ContainerStats } from '@ondemand/core';
import { beforeAll, expect, test } from 'vitest';
import { baseImage } from '../real-engine/base-image.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { openSuite } from '../support/disposer.ts';
import { expectApiError } from '../support/expect-api-error.ts';
import { openSse, type SseMessage } from '../support/sse.ts';
import { type App, startApp } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { describeWith } from './describe-or-skip.ts';
import { findNewerDebian } from './newer-debian.ts';

describeWith(await findNewerDebian(), 'Podman 5', ({ folder }) => {
  let vm: RealVm;
  let app: App;
  beforeAll(() =>
    openSuite(async (opened) => {
      vm = opened.use(await startRealVm({ root: folder, engine: 'podman' }));
      app = opened.use(await startApp({ env: vm.env }));
    }),
  );

  const run = (name: string, script: string): Promise<string> =>
    vm.docker(
      ...['run', '--detach', '--name', name, '--network', 'none'],
      ...['--cgroup-parent', `/${basename(dirname(vm.home))}`, baseImage, 'sh', '-c', script],
    );

  test('lists, stops, starts and restarts containers as Docker does', async () => {
    await run('plain', idle);
    const stateOf = async () => (await app.getJson<Container>('/containers/plain/status')).state;
    for (const [verb, state, changed] of [
      ['stop', 'exited', true],
      ['stop', 'exited', false],
      ['start', 'running', true],
      ['start', 'running', false],
      ['restart', 'running', true],
    ] as const) {
      expect(await app.postJson(`/containers/plain/${verb}`)).toMatchObject({ changed });
      expect(await stateOf()).toBe(state);
    }
    const names = (await app.getJson<Container[]>('/containers')).map(({ name }) => name);
    expect(names).toContain('plain');
    await expectApiError(await app.post('/containers/ngnix/start'), 'NOT_FOUND');
  });

  test('a paused container is a conflict, and says so', async () => {
    await run('paused', idle);
    await vm.docker('pause', 'paused');
    for (const verb of ['start', 'stop', 'restart']) {
      const response = await app.post(`/containers/paused/${verb}`);
      if (response.ok) continue; // Podman unpauses for some
      const { message } = await expectApiError(response, 'CONFLICT');
      expect(message).toContain('paused');
    }
  });

  test('a busy container uses more than a sliver of its core', async () => {
    await run('busy', 'while :; do :; done');
    // 0.25 was what one sample without the one before it gave.
    await until('a sample of a busy core', async () => {
      const { cpuPercent } = await app.getJson<ContainerStats>('/containers/busy/stats');
      return cpuPercent > 10;
    });
    await vm.docker('kill', 'busy');
  });

  test('bursts at the stop of a container lose no line and repeat none, also to a reader that resumes', async () => {
    const burst = 'for i in $(seq 400); do echo $RUN-$i; done';
    const script = `RUN=$(cat /proc/sys/kernel/random/uuid); ${burst}; echo late $RUN >&2; ${burst}`;
    await run('burst', script);
    await using log = await openSse(app, '/containers/burst/logs/stream?tail=all');
    const seen: SseMessage[] = [];
    const runs = 16;
    for (let restarts = 1; restarts <= runs; restarts += 1) {
      while (seen.length < restarts * 801) seen.push(await nextOf(log));
      if (restarts < runs) await vm.docker('start', 'burst');
    }
    const { stdout, stderr } = await vm.dockerResult('logs', 'burst');
    const written = `${stdout}${stderr}`.trim().split('\n').sort();
    expect(written).toHaveLength(runs * 801);
    expect(seen.map(textOf).sort()).toEqual(written);

    for (const index of [0, 399, 400, 800, 801, 5_000, seen.length - 2, seen.length - 1]) {
      const lastEventId = seen[index]?.id;
      const path = '/containers/burst/logs/stream?follow=false';
      await using back = await openSse(app, path, { lastEventId });
      const after = (await back.rest()).slice(0, -1).map(textOf);
      expect([...seen.slice(0, index + 1).map(textOf), ...after].sort()).toEqual(written);
    }
  });

  test.each([0, 1, 5, 450, 900])('a tail of %i lines of a burst is exact', async (tail) => {
    const path = `/containers/burst/logs/stream?follow=false&tail=${tail}`;
    await using log = await openSse(app, path);
    expect((await log.rest()).slice(0, -1)).toHaveLength(tail);
  });
});

/** Ends at once when it is asked to. */
const idle = "trap 'exit 0' TERM; sleep 100000 & wait";

async function nextOf(log: Awaited<ReturnType<typeof openSse>>): Promise<SseMessage> {
  return (await log.next()) ?? expect.unreachable('the log ended');
}

function textOf({ data }: SseMessage): string {
  return (JSON.parse(data) as { line: string }).line;
}
