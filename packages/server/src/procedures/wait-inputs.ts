// How long a caller waits, as inputs of a procedure: the same that the header `Prefer` says.

import { z } from 'zod';
import { wholeNumberInput } from './whole-number.ts';

/** What each means: answering early, and answering after a time. */
export function waitInputs(early: string, late: string) {
  return {
    async: z
      .boolean()
      .describe(`${early}, as the header \`Prefer: respond-async\` says too`)
      .optional(),
    waitSeconds: wholeNumberInput({
      min: 0,
      max: 86_400,
      description: `${late}, as the header \`Prefer: wait=N\` says too`,
    }),
  };
}
