// How soon a server answers after its process began, against a Node that does nothing.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '@ondemand/sandbox';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { toBearer } from '../support/http-client.ts';
import { runOk } from '../support/run.ts';
import { type App, startApp } from '../support/start-sandbox-and-api.ts';
import { measureInRounds, median, medianRatio } from './alternating-rounds.ts';
import { atMost, type Section, toMs, toText } from './report.ts';
import { serverEnv } from './server-env.ts';

const rounds = 7;
const bin = fileURLToPath(
  new URL('../../../packages/server/bin/ondemand-server.js', import.meta.url),
);

/** Without pnpm, and from another directory. */
export async function measureStart(vm: RealVm): Promise<Section> {
  await using app = await startApp({ env: { ...vm.env, ...serverEnv } });
  const env = { ...app.sandbox.env, ...vm.env, ...serverEnv };
  const measured = await measureInRounds(rounds, {
    node: async () => {
      const startedMs = performance.now();
      await runOk([process.execPath, '-e', '0']);
      return performance.now() - startedMs;
    },
    health: () => timeToAnswer(env, '/healthz', app),
    containers: () => timeToAnswer(env, '/containers', app),
  });
  const toRow = (what: string, name: 'health' | 'containers') => ({
    what,
    measured: toMs(median(measured[name])),
    ratio: `${toText(medianRatio(measured[name], measured.node))}× \`node -e 0\``,
  });
  const healthMs = median(measured.health);
  return {
    title: 'Start to first answer',
    about: `\`node …/bin/ondemand-server.js\` from another directory, asked every 5 ms; medians of ${rounds} alternating rounds.`,
    rows: [
      { what: '`node -e 0`', measured: toMs(median(measured.node)), ratio: '1' },
      { ...toRow('`GET /healthz`', 'health'), target: atMost(900, healthMs, ' ms') },
      toRow('`GET /containers`, the SSH connection included', 'containers'),
    ],
  };
}

async function timeToAnswer(
  env: Readonly<Record<string, string>>,
  path: string,
  { tokens }: App,
): Promise<number> {
  const port = await findFreePort();
  const startedMs = performance.now();
  const child = spawn(process.execPath, [bin], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env, PORT: String(port) },
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  try {
    for (;;) {
      const headers = toBearer(tokens.read);
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers }).catch(() => {});
      await answer?.arrayBuffer();
      if (answer?.ok) return performance.now() - startedMs;
      if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}`);
      await sleep(5);
    }
  } finally {
    child.kill();
    await exited;
  }
}
