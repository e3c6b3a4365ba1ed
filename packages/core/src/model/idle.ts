// What keeps the VM on, and when it stops, as callers are told of it.

import { z } from 'zod';
import { leaseSchema } from './lease.ts';

/** In the order in which people are shown them. */
export const signalNames = [
  'connections',
  'cpu',
  'sessions',
  'jobs',
  'leases',
  'actions',
  'probe',
] as const;
export type SignalName = (typeof signalNames)[number];

const signalStates = ['used', 'unused', 'unknown'] as const;
export type SignalState = (typeof signalStates)[number];

/** `idle`: it was not used for so long; `max-on`: it has been on for so long. */
export const stopCauses = ['idle', 'max-on'] as const;
export type StopCause = (typeof stopCauses)[number];

const moment = z.iso.datetime().nullable();

const signalSchema = z
  .object({
    name: z.enum(signalNames).describe('Its name; the order is always the same'),
    state: z
      .enum(signalStates)
      .describe('used and unknown keep the VM on; unknown: it could not be read'),
    value: z.number().nullable().describe('What was counted; for cpu percent of one core'),
    threshold: z.number().describe('More than this is use'),
    lastUsedAt: moment.describe('null when it was never seen used'),
    by: z
      .string()
      .nullable()
      .describe('Who uses it, or did last: the container, port and address, the session, …'),
    reason: z.string().optional().describe('Why it is unknown, and what to do'),
  })
  .describe('One thing that counts as use');
export type Signal = z.infer<typeof signalSchema>;

export const idleVerdictSchema = z
  .object({
    enabled: z.boolean().describe('Whether this API stops the VM by itself'),
    dryRun: z.boolean().describe('It only announces'),
    usedAt: moment.describe('When it was last used; since it became ready, if not since then'),
    usedBy: z.string().nullable().describe('What that use was'),
    stopsAt: moment.describe(
      'When it stops if nothing uses it until then; null while something does, or may',
    ),
    stopsBecause: z
      .enum(stopCauses)
      .nullable()
      .describe('idle: not used for so long; max-on: on for so long'),
    signals: z.array(signalSchema).describe('What counts as use, each with what was seen of it'),
    leases: z.array(leaseSchema).describe('What was promised to keep it on'),
  })
  .meta({ id: 'IdleVerdict', description: 'What keeps the VM on, and when it stops' });
export type IdleVerdict = z.infer<typeof idleVerdictSchema>;
