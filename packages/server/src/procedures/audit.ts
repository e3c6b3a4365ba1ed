// The audit, for callers with the `admin` scope.

import { z } from 'zod';
import { auditEntrySchema } from '../audit/entry.ts';
import { maxKept } from '../audit/trail.ts';
import { adminProcedure, router } from './base.ts';
import { wholeNumberInput } from './whole-number.ts';

const defaultEntries = 100;

export const auditRouter = router({
  list: adminProcedure('audit_list', {
    method: 'GET',
    path: '/audit',
    summary: 'Who changed what, or tried to',
    description:
      'The newest first. From `AUDIT_LOG_FILE` where one is configured, else what this process remembers since it started.',
    errors: [],
  })
    .input(
      z
        .strictObject({
          limit: wholeNumberInput({
            max: maxKept,
            fallback: defaultEntries,
            description: 'How many of the newest lines',
          }),
        })
        .optional(),
    )
    .output(z.array(auditEntrySchema))
    .query(({ ctx, input: { limit = defaultEntries } = {} }) => ctx.audit.list(limit)),
});
