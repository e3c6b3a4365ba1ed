// Sequences of at least fifty steps; one that fails is shrunk to as few as it takes.

import * as fc from 'fast-check';

export function sequencesOf<Step>(step: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> {
  const maxLength = 60;
  const long = fc.array(step, { minLength: 50, maxLength, size: 'max' });
  const short = fc.array(step, { maxLength, size: 'max' });
  return new (class extends fc.Arbitrary<Step[]> {
    generate(random: fc.Random, biasFactor: number | undefined) {
      return new fc.Value(long.generate(random, biasFactor).value, undefined);
    }
    canShrinkWithoutContext(value: unknown): value is Step[] {
      return short.canShrinkWithoutContext(value);
    }
    shrink(value: Step[], context: unknown) {
      return short.shrink(value, context);
    }
  })();
}
