// The API's own stop of the VM: like a caller's, with its intent and its outcome in the audit.

import { randomUUID } from 'node:crypto';
import { type Vm, vmId } from '@ondemand/core';
import { toAppError } from '../http/api-error.ts';
import { type AuditEntry, toOutcome } from './entry.ts';
import type { AuditTrail } from './trail.ts';

export interface OwnStopOptions {
  readonly vm: Pick<Vm, 'stop'>;
  readonly audit: AuditTrail;
}

/** Sends SOFTSTOP unless `confirm`, called once the ETag was read, throws: then nothing is sent and nothing recorded. */
export function createOwnStop({ vm, audit }: OwnStopOptions) {
  return async function stop(confirm: () => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    const facts = { ...who, requestId: randomUUID() };
    let isIntended = false;
    const call = vm.stop({
      soft: true,
      async confirm() {
        await confirm();
        isIntended = true;
        await audit.intend({ ...facts, time: now(), outcome: 'intent' }, { isPowerOff: true });
      },
    });
    const record = (outcome: Pick<AuditEntry, 'outcome' | 'status' | 'code'>) =>
      audit.record(
        {
          ...{ ...facts, time: now(), ...outcome },
          durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
        },
        { isIntended: true },
      );
    await audit.follow(
      call.then(
        () => record(toOutcome(undefined)),
        async (error: unknown) => {
          if (isIntended) await record(toOutcome(toAppError(error)));
          throw error;
        },
      ),
    );
  };
}

const who = {
  sub: 'ondemand:idle',
  clientId: 'ondemand',
  ip: '',
  action: 'vm_stop',
  target: vmId,
} as const;

function now(): string {
  return new Date().toISOString();
}
