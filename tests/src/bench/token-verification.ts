// What the verification of a token costs, the first time and again.

import type { RealVm } from '../real-engine/start-real-vm.ts';
import { createRestClient, toBearer } from '../support/http-client.ts';
import { measureInRounds, median, medianRatio } from './alternating-rounds.ts';
import { type Latency, toLatency } from './latency-percentiles.ts';
import { type Section, toMs, toText } from './report.ts';
import { startBenchApp } from './server-env.ts';
import { startBareFastify } from './start-bare-fastify.ts';

const rounds = 5;
const calls = 50;
const path = '/whoami';

export async function measureTokens(vm: RealVm): Promise<Section> {
  await using app = await startBenchApp(vm);
  await using twin = await startBareFastify(app, [path]);
  using ours = createRestClient(app.url, app.tokens.read);
  using bare = createRestClient(twin.url, app.tokens.read);
  const fresh: string[] = [];
  for (let token = 0; token < calls * (rounds + 1); token += 1) {
    fresh.push(await app.sandbox.tokens.read());
  }
  const measured = await measureInRounds(rounds, {
    bare: () => time(() => bare.get(path)),
    warm: () => time(() => ours.get(path)),
    cold: () => time(() => ours.get(path, toBearer(fresh.pop() ?? ''))),
  });
  const toP50s = (latencies: readonly Latency[]) => latencies.map(({ p50Ms }) => p50Ms);
  const bareP50s = toP50s(measured.bare);
  return {
    title: 'Verification of a token',
    about: `\`GET ${path}\`, one call at a time; medians of ${rounds} alternating rounds of ${calls} calls. The twin verifies the same token by \`jose.jwtVerify\` at every call.`,
    rows: [
      { what: 'bare twin', measured: toMs(median(bareP50s)), ratio: '1' },
      ...(['warm', 'cold'] as const).map((name) => ({
        what: name === 'warm' ? 'a token that was seen before' : 'a new token each time',
        measured: toMs(median(toP50s(measured[name]))),
        ratio: `${toText(medianRatio(toP50s(measured[name]), bareP50s))}× bare`,
      })),
    ],
  };
}

async function time(call: () => Promise<unknown>): Promise<Latency> {
  const durationsMs: number[] = [];
  for (let number = 0; number < calls; number += 1) {
    const startedMs = performance.now();
    await call();
    durationsMs.push(performance.now() - startedMs);
  }
  return toLatency(durationsMs);
}
