// One line of the audit: who changed what, or tried to, and how it went.

import { type AppError, errorCodes } from '@ondemand/core';
import { z } from 'zod';
import { errorMap } from '../http/error-statuses.ts';

export const auditEntrySchema = z
  .object({
    time: z.iso.datetime().describe('When the call began (an intent) or had ended, ISO 8601'),
    sub: z.string().describe('The subject of the token'),
    clientId: z.string().describe('The OAuth client that the token was issued to'),
    ip: z.string().describe('The address that the call came from'),
    action: z.string().describe('The operation id, e.g. "containers_restart"'),
    target: z.string().optional().describe('"oci-flex", or the name in the path, as it was sent'),
    outcome: z
      .enum(['intent', 'success', 'refused', 'failed', 'unknown'])
      .describe(
        'intent: it begins, and another line with the same request id says how it went; success; refused (4xx); failed (5xx); unknown: it may have happened',
      ),
    status: z.int().optional().describe('The HTTP status, except of an intent'),
    durationMs: z.number().optional().describe('Except of an intent'),
    requestId: z.string().describe('Also the x-request-id header'),
    serverRequestId: z
      .string()
      .optional()
      .describe('Our own id of the request, where the caller gave the other'),
    count: z
      .int()
      .optional()
      .describe('How many more refusals of this subject came within a minute, without a line each'),
    job: z.string().optional().describe('The job that carries it out'),
    code: z.enum(errorCodes).optional().describe("The error's code, unless it is a success"),
  })
  .meta({ id: 'AuditEntry', description: 'One line of the audit' });
export type AuditEntry = z.infer<typeof auditEntrySchema>;

/** How a call went; `error` is what the caller receives. */
export function toOutcome(
  error: AppError | undefined,
): Pick<AuditEntry, 'outcome' | 'status' | 'code'> {
  if (error === undefined) return { outcome: 'success', status: 200 };
  const { status } = errorMap[error.code];
  const outcome = isUnknown(error) ? 'unknown' : status < 500 ? 'refused' : 'failed';
  return { outcome, status, code: error.code };
}

/** Core's adapters mark an action whose effect they could not see. */
function isUnknown({ details }: AppError): boolean {
  return details.outcome === 'unknown' || details.reason === 'OUTCOME_UNKNOWN';
}
