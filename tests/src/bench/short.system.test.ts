// The short form of the bench: guards its ratios with wide margins, by the CPU time that processes took, whatever else the machine does.

import { expect, test } from 'vitest';
import { startApp } from '../support/start-sandbox-and-api.ts';
import { measureInRounds } from './alternating-rounds.ts';
import { cliCommands, readCpu } from './cli-command-cost.ts';
import { measureFacadeLoads, toCpuRatio } from './rest-against-bare-fastify.ts';
import { serverEnv } from './server-env.ts';

test('an answer costs at most a few times what a bare Fastify route costs, and a command what a Node that does nothing costs', async () => {
  await using app = await startApp({ env: serverEnv });
  const names = ['containers', 'trpc'] as const;
  const loads = await measureFacadeLoads({ app, names, rounds: 1, length: { requests: 400 } });
  // A third of the targets of the bench, which hold for rates.
  expect(toCpuRatio(loads.containers)).toBeLessThan(3 / 0.6);
  expect(toCpuRatio(loads.trpc)).toBeLessThan(3 / 0.4);

  const spent = await measureInRounds(3, cliCommands(app));
  const sum = (name: keyof typeof spent) =>
    spent[name].map(readCpu).reduce((total, cpuMs) => total + cpuMs, 0);
  expect(sum('version') / sum('node')).toBeLessThan(2);
  expect(sum('ps') / sum('node')).toBeLessThan(5);
});
