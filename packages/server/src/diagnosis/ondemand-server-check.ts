// `ondemand-server --check`: the diagnosis before anything listens, for the operator.

import { createFindings, type Diagnosis } from '@ondemand/core';
import { createAdapters } from '../process/adapters.ts';
import type { ConfigurationReading } from '../process/read-configuration.ts';
import { toOperatorFinding } from './configuration-finding.ts';
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
  const adapters = createAdapters(config, { onSshEvent() {} });
  const { compute, connection, engine } = adapters;
  try {
    const diagnosis = createServerDiagnosis(config, {
      adapters,
      checkConfiguration: async () => configuration,
    });
    return inFull(await diagnosis.diagnose(), reading);
  } finally {
    await engine[Symbol.asyncDispose]();
    await connection[Symbol.asyncDispose]();
    await compute[Symbol.asyncDispose]();
  }
}

/** There is no log to look into: the operator is told what it would say. */
function inFull(diagnosis: Diagnosis, { warnings }: ConfigurationReading): Diagnosis {
  const ofOci = warnings.filter((line) => line.startsWith('OCI_'));
  if (ofOci.length === 0) return diagnosis;
  const message = `Our OCI configuration cannot be used: ${ofOci.join('; ')}`;
  const checks = diagnosis.checks.map((check) =>
    check.name === 'oci-key' && check.status === 'failed' ? { ...check, message } : check,
  );
  return { ...diagnosis, checks };
}

/** One line a layer, and which to begin with. */
export function toCheckText({ checks }: Diagnosis, isTerminal: boolean): string {
  const marks = isTerminal ? terminalMarks : plainMarks;
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map(
    ({ name, status, message }) =>
      `${marks[status]} ${name.padEnd(width)}  ${message.replaceAll(/\p{Cc}/gu, ' ')}`,
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
