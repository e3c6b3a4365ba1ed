// Whether the VM can be used, and waking it: spread into the VM's router.

import { leaseReasonSchema, leaseSchema, maxLeaseMinutes, vmReadySchema } from '@ondemand/core';
import { z } from 'zod';
import { toOwner } from '../auth/principal.ts';
import { lastEventIdInput, toResumableItems } from '../streams/resume-token.ts';
import { readOrWakeProcedure, readOrWakeStream, wakeProcedure } from './base.ts';
import { waitInputs } from './wait-inputs.ts';
import { wholeNumberInput } from './whole-number.ts';

export const wakeProcedures = {
  ready: readOrWakeProcedure('vm_ready', {
    method: 'GET',
    path: '/vm/ready',
    summary: 'Whether the VM can be used, in stages',
    description:
      'What OCI, SSH and Docker say, and a word for it. RUNNING comes long before SSH answers. Always 200: what does not answer says why.',
    errors: [],
  })
    .input(z.void())
    .output(vmReadySchema)
    .query(({ ctx }) => ctx.services.readiness.check(ctx.asReader())),

  watchReady: readOrWakeStream('vm_watchReady', {
    path: '/vm/ready/stream',
    summary: 'Watch the VM become ready',
    description:
      'What `GET /vm/ready` says, then each change, until the VM is ready, or can become so only if somebody acts. All who watch share one poll.',
    isShared: true,
    item: vmReadySchema,
    errors: [],
  })
    .input(
      z
        .strictObject({
          follow: z.boolean().optional().describe('true: go on after that'),
          lastEventId: lastEventIdInput,
        })
        .optional(),
    )
    .subscription(async ({ ctx, input }) =>
      toResumableItems(
        await ctx.services.readiness.watch({ follow: input?.follow, signal: ctx.signal }),
        (ready) => [ready.checkedAt, ready],
      ),
    ),

  wake: wakeProcedure('vm_wake', {
    method: 'POST',
    path: '/vm/wake',
    summary: 'Wake the VM and wait until it is ready',
    description:
      'Starts a VM that is off, waits for one that is on its way down first, and answers as `GET /vm/ready` does once SSH and Docker answer; with `minutes` it then takes a lease. It is 202 when the VM is not ready after as many seconds as `Prefer: wait=N` says, once OCI took the START with `Prefer: respond-async`; without either, after `REBUILD_WAIT_SECONDS` of the API: the VM comes up all the same. When OCI is out of hosts the START is tried again as long as the caller waits, for half a minute without `Prefer`.',
    errors: ['CONFLICT'],
  })
    .input(
      z
        .strictObject({
          minutes: wholeNumberInput({
            max: maxLeaseMinutes,
            description: 'Keep it on for so long from when it is ready',
          }),
          reason: leaseReasonSchema.optional(),
          ...waitInputs('Answer once OCI took the START', 'Answer after so long at the latest'),
        })
        .optional(),
    )
    .output(
      vmReadySchema
        .extend({ lease: leaseSchema.optional().describe('What `minutes` asked for') })
        .meta({ id: 'VmWake', description: 'Whether the VM can be used, and the lease on it' }),
    )
    .mutation(({ ctx, input: { minutes, reason, ...wait } = {} }) => {
      const waitSeconds = ctx.preferences.resolveWait(wait);
      return ctx.services.waker.wake({
        waitMs: waitSeconds === undefined ? undefined : waitSeconds * 1000,
        minutes,
        reason,
        by: toOwner(ctx.principal),
      });
    }),
};
