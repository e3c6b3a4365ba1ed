// A whole number in an input: strict on both transports, and written out in the document.

import { z } from 'zod';

export interface WholeNumberOptions {
  readonly max: number;
  /** What leaving it out means; the procedure fills it in. */
  readonly fallback: number;
  readonly description: string;
}

/** From 1 to `max`. The pipe keeps trpc-to-openapi from switching the schema to coercion, for tRPC too, at its first REST call. */
export function wholeNumberInput({ max, fallback, description }: WholeNumberOptions) {
  const rule = `must be a whole number from 1 to ${max}`;
  return z
    .int(rule)
    .min(1, rule)
    .max(max, rule)
    .pipe(z.int())
    .meta({
      description: `${description}: 1 to ${max}, ${fallback} if left out`,
      default: fallback,
    })
    .optional();
}
