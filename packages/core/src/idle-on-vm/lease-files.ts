// Leases on the VM, kept as files there and read over SSH.

import { randomUUID } from 'node:crypto';
import type { LeaseHost } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { scriptExits } from '../jobs-on-vm/scripts.ts';
import { maxLeases } from '../model/defaults-limits-timeouts.ts';
import { vmId } from '../model/vm.ts';
import { createCapture } from '../ssh/command/exec.ts';
import type { SshConnection } from '../ssh/connection/connection.ts';
import { linesOf, parseLines, toLeases } from './parse-script-output.ts';
import { endLeaseScript, listLeasesScript, takeLeaseScript } from './scripts.ts';

export interface LeaseHostOptions {
  readonly connection: Pick<SshConnection, 'exec'>;
}

/** Builds the host of leases; nothing is opened before the first call. */
export function createLeaseHost({ connection }: LeaseHostOptions): LeaseHost {
  const capture = createCapture(connection);

  return {
    async take({ id, seconds, owner }, { signal } = {}) {
      const by = JSON.stringify({
        sub: owner.sub,
        clientId: owner.clientId,
        reason: owner.reason,
      });
      const { exitCode, output } = await capture(
        toArgv(takeLeaseScript, id, String(seconds), String(maxLeases), by),
        { timeoutMs, maxBytes, signal },
      );
      if (exitCode === scriptExits.busy) throw tooMany();
      if (exitCode === scriptExits.noFolder) throw notWritten();
      const [, now, since, until] =
        /^taken (\d{1,12}) (\d{1,12}) (\d{1,12})\n$/.exec(output.toString('utf8')) ?? [];
      if (now === undefined) throw unreadable();
      return { now: Number(now), since: Number(since), until: Number(until) };
    },
    async end(id, { signal } = {}) {
      const { exitCode, output } = await capture(toArgv(endLeaseScript, id), {
        ...{ timeoutMs, maxBytes, signal },
      });
      if (exitCode === scriptExits.noFolder) throw notWritten();
      const [answer, now] = /^(?:none|ended (\d{1,12}))\n$/.exec(output.toString('utf8')) ?? [];
      if (answer === undefined) throw unreadable();
      return now === undefined ? undefined : Number(now);
    },
    async list({ signal } = {}) {
      const marker = randomUUID();
      const { output } = await capture(toArgv(listLeasesScript, marker), {
        ...{ timeoutMs, maxBytes, signal, isRead: true },
      });
      const lines = parseLines(output.toString('utf8'), marker);
      const now = Number(linesOf(lines ?? [], 'now')[0]);
      if (lines === undefined || !Number.isSafeInteger(now)) throw unreadable();
      return { now, leases: toLeases(lines) };
    },
  };
}

const timeoutMs = 20_000;
const maxBytes = 1024 * 1024;

/** A script of ours, whose values are its arguments. */
export function toArgv(script: string, ...values: readonly string[]): string[] {
  return ['sh', '-c', script, 'ondemand', ...values];
}

function tooMany(): AppError {
  return new AppError(
    'CONFLICT',
    `${maxLeases} leases hold on ${vmId} already, and no more are taken; GET /vm/idle lists them, end one that is not needed`,
    { text: 'Too many leases', details: { leases: maxLeases } },
  );
}

function notWritten(): AppError {
  return new AppError(
    'INTERNAL_ERROR',
    `The lease cannot be written on ${vmId}; check the home folder of the SSH user there: its owner, and the space left`,
    { text: 'Lease not written' },
  );
}

function unreadable(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `The leases on ${vmId} cannot be read: the answer of its shell is not whole; check that the SSH user there has a POSIX shell, and that the VM has memory left`,
    { text: 'Leases not readable', details: { reason: 'COMMAND_FAILED' } },
  );
}
