// What a job is to a caller: long work on the VM that outlives the connection that asked for it.

import { z } from 'zod';

export const jobKinds = ['rebuild'] as const;
export type JobKind = (typeof jobKinds)[number];

/** `cancelled`: ended by a caller with the scope `admin`; `lost`: it ended without saying how, as when the VM was powered off. */
export const jobStates = ['running', 'succeeded', 'failed', 'cancelled', 'lost'] as const;
export type JobState = (typeof jobStates)[number];

/** What this API gives is a time and a random part, so that ids sort by age; any other name of a harmless file is merely unknown. */
export const jobIdSchema = z
  .string()
  .max(128, 'a job id has at most 128 characters')
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_-]*$/,
    'a job id starts with a letter or digit; letters, digits, "_" and "-" may follow',
  )
  .describe('Job id');

export const jobSchema = z
  .object({
    id: z.string().describe('Job id'),
    kind: z.enum(jobKinds).describe('rebuild'),
    target: z.string().describe('Container name'),
    state: z
      .enum(jobStates)
      .describe('running, succeeded, failed, cancelled, or lost: the VM went down meanwhile'),
    startedAt: z.iso.datetime().describe("By the VM's clock"),
    finishedAt: z.iso.datetime().nullable().describe('null while it runs, and when it is lost'),
    exitCode: z.int().nullable().describe('null while it runs, and when it is lost'),
    output: z
      .string()
      .describe(
        'stdout and stderr in order, readable and without secrets: the newest 256 KiB; in a list of jobs, the newest 2 KiB',
      ),
  })
  .meta({ id: 'Job', description: 'Long work on the VM' });
export type Job = z.infer<typeof jobSchema>;

/** Whole lines of a job's output. */
export const jobOutputSchema = z
  .object({ text: z.string().describe('Whole lines, each with its newline') })
  .meta({ id: 'JobOutput', description: "A piece of a job's output" });
export type JobOutput = z.infer<typeof jobOutputSchema>;
