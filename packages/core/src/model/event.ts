// What happens to the VM, its containers and its jobs, as callers are told of it.

import { z } from 'zod';
import { stopCauses } from './idle.ts';
import { jobKinds, jobStates } from './job.ts';
import { lifecycleStates } from './vm.ts';

const time = z.iso.datetime().describe('ISO 8601 timestamp');

/** Docker's own words; its exec and attach events are left out, for health checks make them all the time. */
export const containerEventActions = [
  'create',
  'start',
  'restart',
  'stop',
  'kill',
  'die',
  'oom',
  'pause',
  'unpause',
  'rename',
  'update',
  'health_status',
  'destroy',
] as const;

/** Of a stop that this API decides on. */
const idleStages = ['announced', 'withdrawn', 'stopping'] as const;

export const onDemandEventSchema = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('vm').describe('The VM changed its state'),
      time,
      lifecycleState: z.enum(lifecycleStates).describe('The state that it has now'),
      previous: z
        .enum(lifecycleStates)
        .nullable()
        .describe('The state before; null when it was not known'),
    }),
    z.object({
      type: z.literal('container').describe('Something happened to a container'),
      time,
      name: z.string().describe('Container name'),
      action: z.enum(containerEventActions).describe("Docker's own"),
      image: z.string().describe('Docker image'),
      exitCode: z.int().optional().describe('With die'),
      health: z.string().optional().describe('With health_status: healthy, unhealthy'),
    }),
    z.object({
      type: z.literal('job').describe('A job began or ended'),
      time,
      id: z.string().describe('Job id'),
      kind: z.enum(jobKinds).describe('rebuild'),
      target: z.string().describe('Container name'),
      state: z.enum(jobStates).describe('running, succeeded, failed, cancelled, lost'),
    }),
    z.object({
      type: z.literal('idle').describe('The API is about to stop the VM, or not any more'),
      time,
      stage: z
        .enum(idleStages)
        .describe('announced: it stops at `stopsAt`; withdrawn: it does not, or later; stopping'),
      stopsAt: z.iso.datetime().nullable().describe('When it stops; null when it does not'),
      because: z.enum(stopCauses).nullable().describe('idle, max-on; null when it is withdrawn'),
      usedAt: z.iso.datetime().nullable().describe('When the VM was last used'),
      usedBy: z.string().nullable().describe('What that use was'),
      dryRun: z.boolean().describe('It is announced alone'),
    }),
    z.object({
      type: z.literal('resync').describe('Events may be missing'),
      time,
      reason: z
        .string()
        .describe('Why events before this one may be missing; read again what you hold'),
    }),
  ])
  .meta({
    id: 'OnDemandEvent',
    description: 'What happened to the VM, its containers or its jobs',
  });
export type OnDemandEvent = z.infer<typeof onDemandEventSchema>;
