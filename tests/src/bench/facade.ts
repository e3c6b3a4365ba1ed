// `node tests/dist/bench/facade.js [ROUNDS]`: the facade against a bare twin, in alternating rounds at 64 connections; medians of the ratios.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startApp } from '../support/start-app.ts';
import type { TwinSettings } from './bare-twin.ts';
import { toPercentile } from './latency.ts';
import { type Load, measureLoad } from './load.ts';
import { serverEnv } from './server-env.ts';

const batchOf10 = `/trpc/${Array(10).fill('containers.list').join(',')}?batch=1`;
const ways = {
  'GET /containers': { path: '/containers', twin: '/containers' },
  'GET /vm/status': { path: '/vm/status', twin: '/vm/status' },
  'tRPC containers.list': { path: '/trpc/containers.list', twin: '/containers' },
  'tRPC, a batch of 10': { path: batchOf10, twin: '/containers' },
} as const;

const rounds = Number(process.argv[2] ?? 5);
const durationMs = Number(process.argv[3] ?? 2000);

await using app = await startApp({ env: { ...serverEnv } });
for (let n = 0; n < 12; n += 1) app.sandbox.vm.engine.add({ name: `bench-${n}` });
const { OIDC_ISSUER: issuer = '', OIDC_AUDIENCE: audience = '' } = app.sandbox.env;
const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const twin = await startTwin({
  issuer,
  audience,
  jwksUri: (metadata as { jwks_uri: string }).jwks_uri,
  answers: {
    '/containers': await app.getJson('/containers'),
    '/vm/status': await app.getJson('/vm/status'),
  },
});
try {
  for (const [name, { path, twin: twinPath }] of Object.entries(ways)) {
    const measured: { ours: Load; bare: Load }[] = [];
    const shared = { token: app.tokens.read, connections: 64 };
    for (let round = 0; round <= rounds; round += 1) {
      const bare = await measureLoad({ ...twin, ...shared, durationMs, path: twinPath });
      const ours = await measureLoad({
        ...{ ...shared, durationMs, path },
        ...{ url: app.url, pid: app.server.pid },
      });
      if (round > 0) measured.push({ ours, bare }); // the first warms both up
    }
    const ratio = (of: (load: Load) => number) =>
      toPercentile(
        measured.map(({ ours, bare }) => of(ours) / of(bare)),
        50,
      );
    const median = (of: (load: Load) => number, which: 'ours' | 'bare') =>
      toPercentile(
        measured.map((each) => of(each[which])),
        50,
      );
    process.stdout.write(
      `${name}: ${[
        `${ratio(({ perSecond }) => perSecond).toFixed(2)} of bare's rate`,
        `${(1 / ratio(({ cpuMs }) => cpuMs)).toFixed(2)} by CPU (${median(({ cpuMs }) => cpuMs, 'ours').toFixed(3)} ms against ${median(({ cpuMs }) => cpuMs, 'bare').toFixed(3)})`,
        `p99 ${ratio(({ p99Ms }) => p99Ms).toFixed(1)}× bare's`,
        `${median(({ perSecond }) => perSecond, 'ours').toFixed(0)} against ${median(({ perSecond }) => perSecond, 'bare').toFixed(0)} a second`,
      ].join(', ')}\n`,
    );
  }
} finally {
  twin.process.kill();
}

async function startTwin(settings: TwinSettings) {
  const file = fileURLToPath(new URL('bare-twin.js', import.meta.url));
  const child: ChildProcess = fork(file, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  child.stdout?.resume();
  child.send(settings);
  const [port] = await once(child, 'message');
  return { url: `http://127.0.0.1:${port}`, pid: child.pid ?? 0, process: child };
}
