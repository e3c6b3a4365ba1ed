// A steady load for as long as is wanted, a fault in each interval, and what the server's process is like meanwhile.

import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from '@ondemand/sandbox';
import { type App, startApp } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { type SoakFault, soakFaults } from './faults.ts';
import { startSoakLoad } from './load.ts';
import { type Sample, takeSample } from './samples.ts';

export interface SoakOptions {
  readonly faults: number;
  /** From the begin of one fault to that of the next. */
  readonly intervalMs: number;
  readonly faultMs: number;
  readonly sampleMs: number;
  readonly say?: (line: string) => void;
}

export interface FaultRecord {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** From its end until every read succeeds again. */
  readonly recoveryMs: number;
}

export interface SoakResult {
  readonly samples: readonly Sample[];
  readonly faults: readonly FaultRecord[];
  readonly answers: ReadonlyMap<string, number>;
  /** Answers that must never come, whatever is broken. */
  readonly wrong: readonly string[];
}

/** Rejects when the API does not recover from a fault within two minutes, and when its process does not end with 0. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { intervalMs, say = () => {} } = options;
  const metricsPort = await findFreePort();
  await using app = await startApp({
    env: {
      LOG_LEVEL: 'fatal',
      METRICS_PORT: String(metricsPort),
      // As short as the faults: each wait ends within one.
      OCI_TIMEOUT_SECONDS: '5',
      SSH_CONNECT_TIMEOUT_SECONDS: '10',
    },
  });
  const begunMs = performance.now();
  const now = () => performance.now() - begunMs;
  const samples: Sample[] = [];
  const sampling = new AbortController();
  const sampler = (async () => {
    while (!sampling.signal.aborted) {
      const url = `http://127.0.0.1:${metricsPort}/metrics`;
      samples.push(await takeSample(url, { pid: app.server.pid, atMs: now() }));
      await sleep(options.sampleMs, undefined, { signal: sampling.signal }).catch(() => {});
    }
  })();
  const faults: FaultRecord[] = [];
  await using load = startSoakLoad(app);
  for (let count = 0; count < options.faults; count += 1) {
    const nextMs = (count + 1) * intervalMs;
    await sleep((intervalMs - options.faultMs) / 2);
    const fault = soakFaults[count % soakFaults.length];
    if (fault === undefined) break;
    const record = await runFault(app, fault, { faultMs: options.faultMs, now });
    faults.push(record);
    say(`${record.name}: recovered ${Math.round(record.recoveryMs)} ms after its end`);
    // Both keep what they were asked; of hours that is much.
    app.sandbox.oci.clear();
    app.sandbox.oidc.clear();
    await sleep(Math.max(0, nextMs - now()));
  }
  sampling.abort();
  await sampler;
  return { samples, faults, answers: load.answers, wrong: load.wrong };
}

async function runFault(
  app: App,
  fault: SoakFault,
  { faultMs, now }: { readonly faultMs: number; readonly now: () => number },
): Promise<FaultRecord> {
  const fromMs = now();
  await fault.begin(app.sandbox);
  await sleep(faultMs);
  app.sandbox.faults.reset();
  await fault.end?.(app.sandbox);
  const toMs = now();
  await until(`all reads to succeed after: ${fault.name}`, async () => {
    const paths = ['/containers', '/vm/status', '/containers/nginx/logs', '/jobs', '/readyz'];
    const answers = await Promise.all(paths.map((path) => app.get(path)));
    await Promise.all(answers.map((answer) => answer.text()));
    return answers.every(({ ok }) => ok);
  });
  return { name: fault.name, fromMs, toMs, recoveryMs: now() - toMs };
}
