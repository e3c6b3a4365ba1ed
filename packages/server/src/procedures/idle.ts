// What keeps the VM on: the verdict of the idle stop, and leases.

import {
  idleVerdictSchema,
  leaseIdSchema,
  leaseReasonSchema,
  leaseSchema,
  maxLeaseMinutes,
} from '@ondemand/core';
import { z } from 'zod';
import { toOwner } from '../auth/principal.ts';
import { readOrWakeProcedure, wakeProcedure } from './base.ts';
import { wholeNumberInput } from './whole-number.ts';

const leaseMinutes = wholeNumberInput({
  max: maxLeaseMinutes,
  description: 'How long the VM is kept on',
}).unwrap();

/** A part of the router of the VM. */
export const idleProcedures = {
  idle: readOrWakeProcedure('vm_idle', {
    method: 'GET',
    path: '/vm/idle',
    summary: 'What keeps oci-flex on, and when it stops',
    description:
      'The verdict that the idle stop is decided by, signal by signal. What cannot be read is unknown, and keeps the VM on. Asking never counts as use.',
    errors: [],
  })
    .input(z.void())
    .output(idleVerdictSchema)
    .query(({ ctx }) => ctx.services.idle.verdict(ctx.asReader('commands'))),

  takeLease: wakeProcedure('vm_takeLease', {
    method: 'POST',
    path: '/vm/leases',
    summary: 'Keep oci-flex on for so many minutes',
    description:
      'The idle stop waits until the lease has ended. Leases live on the VM: every process of the API sees them, and a restart forgets none.',
    errors: ['CONFLICT'],
  })
    .input(z.strictObject({ minutes: leaseMinutes, reason: leaseReasonSchema.optional() }))
    .output(leaseSchema)
    .mutation(({ ctx, input }) =>
      ctx.services.leases.take({ ...input, by: toOwner(ctx.principal) }),
    ),

  releaseLease: wakeProcedure('vm_releaseLease', {
    method: 'DELETE',
    path: '/vm/leases/{id}',
    summary: 'End a lease',
    description:
      "One's own; with the scope admin anybody's. Answers with the lease, which has ended.",
    errors: ['NOT_FOUND'],
  })
    .input(z.strictObject({ id: leaseIdSchema }))
    .output(leaseSchema)
    .mutation(({ ctx, input: { id } }) => {
      const isAdmin = ctx.principal.scopes.includes('admin');
      return ctx.services.leases.release(id, { ...toOwner(ctx.principal), isAdmin });
    }),
} as const;
