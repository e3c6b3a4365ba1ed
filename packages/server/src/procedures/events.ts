// What happens to the VM, its containers and its jobs.

import { onDemandEventSchema } from '@ondemand/core';
import { z } from 'zod';
import { lastEventIdInput, toResumableItems } from '../streams/resume-token.ts';
import { readStream } from './base.ts';

export const watchEvents = readStream('events', {
  path: '/events',
  summary: 'Watch the VM, its containers and its jobs',
  description:
    'Resumable over the last 1 000 events with `Last-Event-ID`. Where something may have been missed, an event `resync` says so: read again what you hold.',
  isShared: true,
  item: onDemandEventSchema,
  errors: [],
})
  .input(
    z
      .strictObject({
        follow: z
          .boolean()
          .optional()
          .describe(
            "false: what is known now, the VM's state and the events that are kept, then end",
          ),
        lastEventId: lastEventIdInput,
      })
      .optional(),
  )
  .subscription(async ({ ctx, input }) =>
    toResumableItems(
      await ctx.services.events.watch({
        after: input?.lastEventId,
        follow: input?.follow,
        signal: ctx.signal,
      }),
      ({ position, event }) => [position, event],
    ),
  );
