// A whole number in an input: strict on both transports, and written out in the document.

import { z } from 'zod';

export interface WholeNumberOptions {
  /** 1 if left out. */
  readonly min?: number;
  readonly max: number;
  /** What leaving it out means, where that is a number; the procedure fills it in. */
  readonly fallback?: number;
  readonly description: string;
}

/** From `min` to `max`. */
export function wholeNumberInput({ min = 1, max, fallback, description }: WholeNumberOptions) {
  const rule = `must be a whole number from ${min} to ${max}`;
  return z
    .int(rule)
    .min(min, rule)
    .max(max, rule)
    .meta({
      description: `${description}: ${min} to ${max}${fallback === undefined ? '' : `, ${fallback} if left out`}`,
      ...(fallback !== undefined && { default: fallback }),
    })
    .optional();
}
