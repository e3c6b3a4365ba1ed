// The service of the diagnosis: asks every layer, each within a deadline, and says of each what was found. Changes nothing.

import type {
  CallOptions,
  Clock,
  Compute,
  DockerFacts,
  HostFacts,
  ReadOptions,
} from '../adapter-ports.ts';
import { createSingleFlight } from '../concurrency/single-flight.ts';
import type { Check, Diagnosis } from '../model/diagnosis.ts';
import type { VmAddress } from '../model/vm.ts';
import { type ClockOffset, checkClocks } from './clock-difference.ts';
import { createFindings } from './findings.ts';
import { checkOci } from './oci-checks.ts';
import { createDeadline } from './part-deadline.ts';
import { checkVm } from './vm-checks.ts';

export interface Diagnose {
  /** As it is now, for all who ask at the same time; throws only what the caller's own signal aborts with. */
  diagnose(options?: ReadOptions): Promise<Diagnosis>;
}

export interface DiagnosisOptions {
  readonly compute: Compute;
  /** How far OCI's clock was ahead of ours when it last answered. */
  readonly ociClockOffsetMs: () => number | undefined;
  /** Where the VM is reached just now, for when OCI does not say. */
  readonly knownHost: () => Promise<string | undefined>;
  /** A way of its own to the VM: what is open already says nothing of what a new connection meets. Opens nothing by itself. */
  readonly openVm: (host: string) => DiagnosisVm;
  /** What of this process is checked by other means: its configuration and its issuer. */
  readonly checkOwn: (signal: AbortSignal) => Promise<OwnFindings>;
  readonly settings: DiagnosisSettings;
  readonly clock: Clock;
  /** Told of failures that are none of the known ones. */
  readonly onUnexpected?: (error: unknown) => void;
}

/** The VM over one new connection, which is no use of it. */
export interface DiagnosisVm extends AsyncDisposable {
  /** Connects. */
  address(options: CallOptions): Promise<VmAddress>;
  readDocker(options: CallOptions): Promise<DockerFacts>;
  findCompose(options: CallOptions): Promise<string>;
  readHost(options: CallOptions): Promise<HostFacts>;
}

export interface DiagnosisSettings {
  /** Where it is configured: then OCI need not know the address. */
  readonly sshHost?: string | undefined;
  readonly connectTimeoutMs: number;
  readonly idle: IdleFacts;
}

/** In seconds. */
export interface IdleFacts {
  readonly stopAfter?: number | undefined;
  readonly maxOn?: number | undefined;
  readonly announce: number;
  readonly dryRun: boolean;
}

export interface OwnFindings {
  readonly checks: readonly (Pick<Check, 'name' | 'status' | 'message'> &
    Partial<Pick<Check, 'details'>>)[];
  readonly clockOffsets: readonly ClockOffset[];
}

/** Longer than an attempt to connect, for what is asked before and after it. */
const graceMs = 5000;
const collectMs = 50;

/** Builds the service; nothing is asked before the first call. */
export function createDiagnosis(options: DiagnosisOptions): Diagnose {
  const { settings, clock, onUnexpected = () => {} } = options;
  const totalMs = settings.connectTimeoutMs + graceMs;
  const reads = createSingleFlight({
    deadlineMs: totalMs + graceMs,
    later: (begin) => void setTimeout(begin, collectMs), // for those who ask at the same time, each by a request
    maxCollectMs: 4 * collectMs,
  });

  return { diagnose: (caller) => reads.read('the diagnosis', run, caller) };

  async function run(signal: AbortSignal): Promise<Diagnosis> {
    const checkedAt = clock.now().toISOString();
    const findings = createFindings(onUnexpected);
    const within = createDeadline({ clock, totalMs, signal });
    const soon = createDeadline({ clock, totalMs: (totalMs * 2) / 3, signal }); // for what others wait for
    const context = { ...options, findings, within };
    const own = within('The issuer', options.checkOwn).catch((error: unknown) => {
      findings.failed('issuer', error); // what is asked beside it waits for nobody
      return { checks: [], clockOffsets: [] };
    });
    await checkVm(context, checkOci({ ...context, within: soon }));
    const { checks, clockOffsets } = await own;
    signal.throwIfAborted();
    for (const check of checks) findings.add(check);
    const ociMs = options.ociClockOffsetMs();
    checkClocks(findings, [
      ...(ociMs === undefined ? [] : [{ of: 'OCI', offsetMs: ociMs }]),
      ...clockOffsets,
    ]);
    const all = [...findings.list()];
    return { ok: all.every(({ status }) => status !== 'failed'), checkedAt, checks: all };
  }
}
