// What a lease is to a caller: a promise, kept on the VM, that the VM stays on until a moment.

import { z } from 'zod';
import { maxReasonLength } from './defaults-limits-timeouts.ts';

export const leaseIdSchema = z
  .string()
  .max(128, 'a lease id has at most 128 characters')
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_-]*$/,
    'a lease id starts with a letter or digit; letters, digits, "_" and "-" may follow',
  )
  .describe('Lease id');

export const leaseReasonSchema = z
  .string()
  .max(maxReasonLength, `a reason has at most ${maxReasonLength} characters`)
  // By code points: a pattern of JSON Schema is read without Unicode classes by many.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is meant
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'a reason is one line, without control characters')
  .describe('What the VM is kept on for, in your own words');

export const leaseSchema = z
  .object({
    id: z.string().describe('Lease id'),
    sub: z
      .string()
      .describe('The subject who took it; `ondemand:logs` or `ondemand:jobs` for what is followed'),
    clientId: z.string().describe('The OAuth client it was taken through'),
    reason: z.string().describe('What the VM is kept on for'),
    createdAt: z.iso.datetime().describe('ISO 8601 timestamp'),
    expiresAt: z.iso.datetime().describe('ISO 8601 timestamp'),
  })
  .meta({ id: 'Lease', description: 'A promise that the VM stays on until a moment' });
export type Lease = z.infer<typeof leaseSchema>;
