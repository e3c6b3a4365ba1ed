// Jobs: background work on the VM.

import { type JobOutput, jobIdSchema, jobOutputSchema, jobSchema } from '@ondemand/core';
import { z } from 'zod';
import { lastEventIdInput, toResumableItems } from '../streams/resume-token.ts';
import { adminProcedure, readProcedure, readStream, router } from './base.ts';

const idInput = z.strictObject({ id: jobIdSchema });

export const jobsRouter = router({
  list: readProcedure('jobs_list', {
    method: 'GET',
    path: '/jobs',
    summary: 'List the last jobs on oci-flex',
    description: 'The newest first, at most 50. Jobs live on the VM.',
    errors: [],
  })
    .input(z.void())
    .output(z.array(jobSchema))
    .query(({ ctx }) => ctx.services.jobs.list(ctx.asReader('commands'))),

  get: readProcedure('jobs_get', {
    method: 'GET',
    path: '/jobs/{id}',
    summary: 'Get a job',
    description: 'With the end of its output.',
    errors: ['NOT_FOUND'],
  })
    .input(idInput)
    .output(jobSchema)
    .query(({ ctx, input: { id } }) => ctx.services.jobs.get(id, ctx.asReader('commands'))),

  cancel: adminProcedure('jobs_cancel', {
    method: 'POST',
    path: '/jobs/{id}/cancel',
    summary: 'Cancel a job',
    description:
      'Ends its processes on the VM: TERM, and KILL for what is left after 10 s. Answers with the job once it has ended; one that has ended already is a 409 with its state.',
    errors: ['NOT_FOUND', 'CONFLICT'],
  })
    .input(idInput)
    .output(jobSchema)
    .mutation(({ ctx, input: { id } }) => ctx.services.jobs.cancel(id)),

  output: readStream('jobs_output', {
    path: '/jobs/{id}/output',
    work: 'commands',
    summary: "Follow a job's output",
    description:
      "Whole lines as they come, from the beginning or from any offset in bytes, which is what the events' ids are. Ends when the job has ended.",
    text: { field: 'text', end: '' },
    isShared: true,
    item: jobOutputSchema,
    errors: ['NOT_FOUND'],
  })
    .input(
      idInput.extend({
        lastEventId: lastEventIdInput.describe('An offset in bytes: only what comes after it'),
      }),
    )
    .subscription(async ({ ctx, input: { id, lastEventId } }) => {
      const { signal } = ctx;
      const output = await ctx.services.jobs.output(id, { after: lastEventId, signal });
      ctx.services.leases.holdWhileRead('jobs', signal);
      return toResumableItems(output, ({ position, text }) => [
        position,
        { text } satisfies JobOutput,
      ]);
    }),
});
