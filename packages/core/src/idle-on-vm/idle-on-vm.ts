// Use of the VM as the VM alone knows it, read and kept over SSH.

import { randomUUID } from 'node:crypto';
import type { CallOptions, IdleHost, IdleRules } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { vmId } from '../model/vm.ts';
import { createCapture } from '../ssh/command/exec.ts';
import type { SshConnection } from '../ssh/connection/connection.ts';
import { toArgv } from './lease-files.ts';
import {
  announceScript,
  claimScript,
  noteScript,
  observationScript,
  registerScript,
  unregisterScript,
} from './observation-script.ts';
import { dryRunWord, parseObservation } from './parse-observation.ts';

export interface IdleHostOptions {
  readonly connection: Pick<SshConnection, 'exec'>;
  /** Of this process of the API; hexadecimal. */
  readonly processId: string;
}

export interface ProcessIdleHost extends IdleHost {
  /** Takes back what `register` wrote, for a connection that ends at once. */
  unregister(options?: CallOptions): Promise<void>;
}

/** Builds it; nothing is opened before the first call. */
export function createIdleHost({ connection, processId }: IdleHostOptions): ProcessIdleHost {
  const capture = createCapture(connection);
  const run = (argv: readonly string[], signal: AbortSignal | undefined) =>
    capture(argv, { timeoutMs, maxBytes, signal, isRead: true });
  /** What was not written must not count as kept. */
  const write = async (argv: readonly string[], signal: AbortSignal | undefined) => {
    const { exitCode, output } = await run(argv, signal);
    if (exitCode !== 0) throw notWritten();
    return output.toString('utf8');
  };

  return {
    async register(rules, { signal } = {}) {
      await write(toArgv(registerScript, processId, toWords(rules)), signal);
    },
    async unregister({ signal } = {}) {
      await run(toArgv(unregisterScript, processId), signal);
    },
    async observe({ rules, gone, hostPorts, pids, isReady = true }, { signal } = {}) {
      const marker = randomUUID();
      const values = [
        ...[marker, processId, toWords(rules), gone.filter(isConnectionId).join(' ')],
        ...[hostPorts.map(toHexPort).join(' '), isReady ? 'ready' : '', ...pids.map(String)],
      ];
      const { output } = await run(toArgv(observationScript, ...values), signal);
      const observation = parseObservation(output.toString('utf8'), marker);
      if (observation === undefined) throw unreadable();
      return observation;
    },
    async note(uses, { signal } = {}) {
      const values = uses.flatMap(({ name, at, by }) => [name, toTime(at), toOneLine(by)]);
      await write(toArgv(noteScript, ...values), signal);
    },
    async claimStop({ readySince, because, observedAt }, { signal } = {}) {
      const values = [String(readySince), because, String(observedAt)];
      const answer = await write(toArgv(claimScript, ...values), signal);
      return answer === 'claimed\n';
    },
    async announce({ stopsAt, because, isDryRun, text }, { signal } = {}) {
      const why = isDryRun ? `${because} ${dryRunWord}` : because;
      await write(toArgv(announceScript, String(stopsAt), why, toOneLine(text)), signal);
    },
  };
}

/** With 500 containers and thousands of connections a few seconds. */
const timeoutMs = 20_000;
const maxBytes = 8 * 1024 * 1024;

function toWords({ stopAfter, maxOn }: IdleRules): string {
  return [stopAfter, maxOn]
    .map((seconds) => (seconds === undefined ? '-' : Math.round(seconds)))
    .join(' ');
}

function toTime(at: number | { readonly secondsAgo: number }): string {
  return typeof at === 'number' ? String(at) : `-${Math.max(0, Math.round(at.secondsAgo))}`;
}

function isConnectionId(text: string): boolean {
  return /^[0-9a-f]{1,64}(?:\.\d{1,5})?$/.test(text);
}

function toHexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}

function toOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ').slice(0, 500);
}

function unreadable(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `What uses ${vmId} cannot be read: the answer of its shell is not whole; check that the SSH user there has a POSIX shell, and that the VM has memory left`,
    { text: 'Command failed on the VM', details: { reason: 'COMMAND_FAILED' } },
  );
}

function notWritten(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `What uses ${vmId} cannot be written there; check the home folder of the SSH user there: its owner, and the space left; and that the user has a POSIX shell`,
    { text: 'Command failed on the VM', details: { reason: 'COMMAND_FAILED' } },
  );
}
