// `ondemand-server --check`: the diagnosis before anything listens, for the operator.

import { randomBytes } from 'node:crypto';
import { createFindings, createIdleHost, type Diagnosis } from '@ondemand/core';
import { waitAtMost } from '../auth/wait-at-most.ts';
import { createAdapters } from '../process/adapters.ts';
import type { ConfigurationReading } from '../process/read-configuration.ts';
import { toOperatorFinding } from './configuration-check.ts';
import { createServerDiagnosis } from './server-diagnosis.ts';

/** Opens what the service would, asks every layer, and closes all of it again. */
export async function checkAll(reading: ConfigurationReading): Promise<Diagnosis> {
  const { config } = reading;
  const configuration = toOperatorFinding(reading);
  if (config === undefined) {
    const findings = createFindings(() => {});
    findings.add(configuration);
    return { ok: false, checkedAt: new Date().toISOString(), checks: [...findings.list()] };
  }
  let registered: Promise<void> | undefined;
  const adapters = createAdapters(config, {
    onSshEvent({ type }) {
      // Or an API that watches the VM would take our connection for a person's, which is use.
      if (type === 'connected') registered = register();
    },
  });
  const { compute, connection, engine } = adapters;
  try {
    const diagnosis = createServerDiagnosis(config, {
      adapters,
      checkConfiguration: async () => configuration,
    });
    const found = await diagnosis.diagnose();
    if (registered !== undefined) await waitAtMost(registered, registerMs);
    return found;
  } finally {
    await engine[Symbol.asyncDispose]();
    await connection[Symbol.asyncDispose]();
    await compute[Symbol.asyncDispose]();
  }

  async function register(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // once the connection can be used
    const host = createIdleHost({ connection, processId: randomBytes(16).toString('hex') });
    await host.register({}).catch(() => {});
  }
}

const registerMs = 2000;

/** One line a layer, and which to begin with. */
export function toCheckText({ checks }: Diagnosis, isTerminal: boolean): string {
  const marks = isTerminal ? terminalMarks : plainMarks;
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map(
    ({ name, status, message }) => `${marks[status]} ${name.padEnd(width)}  ${message}`,
  );
  const first = checks.find(({ status }) => status === 'failed');
  const waiting = checks.find(({ status, next }) => status === 'skipped' && next !== undefined);
  return [...lines, '', toEnd(first, waiting), ''].join('\n');
}

type Check = Diagnosis['checks'][number];

function toEnd(first: Check | undefined, waiting: Check | undefined): string {
  if (first?.name === 'configuration')
    return 'Begin with configuration; `ondemand-server --help` lists all variables.';
  if (first !== undefined) return `Begin with ${first.name}: ${first.next ?? first.message}`;
  return waiting === undefined
    ? 'Nothing is wrong.'
    : `Nothing is wrong as far as could be seen; for the rest: ${waiting.next}`;
}

const terminalMarks = { ok: '✓', failed: '✗', skipped: '-' } as const;
const plainMarks = { ok: 'ok     ', failed: 'failed ', skipped: 'skipped' } as const;
