// The behaviour suite on a real engine, and what only a real engine can tell.

import type { Container } from '@ondemand/core';
import { expect, test } from 'vitest';
import { listStatuses } from '../real-engine/ask-engine.ts';
import { baseImage } from '../real-engine/base-image.ts';
import { describeRealEngine } from '../real-engine/real-engine-problem.ts';
import { until } from '../support/until.ts';
import { listAsDocker, type RealWorld, startRealWorld } from './start-real-world.ts';
import { declareBehaviour } from './suite.ts';

describeRealEngine('behaviour on a real engine', () => {
  let world: RealWorld;
  declareBehaviour(async () => {
    world = await startRealWorld();
    return world;
  });

  // Last: it leaves containers behind.
  test('GET /containers equals docker ps -a field by field', async () => {
    const { vm, app } = world;
    const run = (options: string, ...command: string[]): Promise<string> =>
      vm.docker('run', '--detach', '--init', ...options.split(' '), baseImage, ...command);
    await vm.docker('tag', baseImage, 'other:2');
    await vm.docker('tag', baseImage, 'registry.example:5000/team/app:v1.2');
    const digest = (await vm.docker('images', '--no-trunc', '--quiet', baseImage)).trim();
    // What shows no ports does without a network of its own, which each start would set up.
    await Promise.all([
      run('--name again --network host --restart always', 'false'),
      run('--name health --network host --health-cmd true --health-interval 1s', 'sleep', '10000'),
      run(
        '--name sick --network host --health-cmd false --health-interval 1s --health-retries 1',
        'sleep',
        '10000',
      ),
      run('--name exposed --expose 70-72 --expose 75/udp', 'sleep', '10000'),
      run(
        '--name ranges -p 9100-9103:100-103 -p 127.0.0.1:9200:100 -p 9300-9301:9300-9301/udp',
        'sleep',
        '9999',
      ),
      run('--name v6 -p [::1]:9400:94', 'sleep', '10000'),
      run('--name hostnet --network host', 'sleep', '10000'),
      run('--name killed --network host', 'sh', '-c', 'kill -9 $$'),
      vm.docker('run', '-d', '--init', '--name', 'by-id', digest, 'sleep', '10000'),
      vm.docker(
        'run',
        '-d',
        '--init',
        '--name',
        'tagged',
        'registry.example:5000/team/app:v1.2',
        'true',
      ),
      vm.docker('run', '-d', '--init', '--name', 'untagged', 'other:2', 'sleep', '10000'),
    ]);
    await vm.docker('rmi', '--force', 'other:2');
    const expected = ['Restarting (1)', '(healthy)', '(unhealthy)'];
    await until(expected.join(), async () => {
      const statuses = (await listStatuses(vm.dockerSocket)).join();
      return expected.every((text) => statuses.includes(text));
    });

    // Status texts tick: only an answer between two equal listings can be held against them.
    const states = ['created', 'exited', 'paused', 'restarting', 'running'];
    const { docker, answer } = await until(
      'a moment in which nothing changes and every state is there',
      async () => {
        const before = sortRows(await listAsDocker(vm));
        const listed = await app.getJson<Container[]>('/containers');
        const after = sortRows(await listAsDocker(vm));
        const isCalm = JSON.stringify(before) === JSON.stringify(after);
        const isWhole = states.every((state) => after.some((row) => row.state === state));
        return isCalm && isWhole ? { docker: after, answer: listed } : undefined;
      },
    );
    expect(answer).toEqual(docker);
  });
});

function sortRows<T extends { readonly name: string }>(rows: readonly T[]): readonly T[] {
  return rows.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
