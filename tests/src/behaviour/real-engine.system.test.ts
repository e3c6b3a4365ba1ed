// The behaviour suite on a real engine, and what only a real engine can tell.

import { isDeepStrictEqual } from 'node:util';
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
    const background = ['run', '--detach', '--init', '--network', 'host'];
    const runImage = (image: string, name: string, ...command: string[]): Promise<string> =>
      vm.docker(...background, '--name', name, image, ...command);
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
      runImage(digest, 'by-id', 'sleep', '10000'),
      runImage('registry.example:5000/team/app:v1.2', 'tagged', 'true'),
      runImage('other:2', 'untagged', 'sleep', '10000'),
    ]);
    await vm.docker('rmi', '--force', 'other:2');
    const expected = ['Restarting (1)', '(healthy)', '(unhealthy)'];
    await until(expected.join(), async () => {
      const statuses = (await listStatuses(vm.dockerSocket)).join();
      return expected.every((text) => statuses.includes(text));
    });

    // Status texts tick and one restarts: a row is held against an answer between two equal ones, and whatever was equal once in such a moment is right.
    const states = ['created', 'exited', 'paused', 'restarting', 'running'];
    const equal = { names: new Set<string>(), states: new Set<string>() };
    const findUnequal = async () => {
      const before = await listAsDocker(vm);
      const answers = await app.getJson<Container[]>('/containers');
      const rows = (await listAsDocker(vm)).map((docker) => ({
        docker,
        answer: answers.find(({ name }) => name === docker.name),
        isCalm: before.some((row) => isDeepStrictEqual(row, docker)),
      }));
      for (const { docker, answer, isCalm } of rows) {
        if (!isCalm || !isDeepStrictEqual(answer, docker)) continue;
        equal.names.add(docker.name);
        equal.states.add(docker.state);
      }
      return [
        ...rows.filter(({ docker }) => !equal.names.has(docker.name)),
        ...states.filter((state) => !equal.states.has(state)),
      ];
    };
    await expect.poll(findUnequal, { timeout: 120_000 }).toEqual([]);
  });
});
