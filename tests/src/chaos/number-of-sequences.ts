// How many sequences are tried: one in the short form, a part of `FUZZ_RUNS` in the full one.

import * as fc from 'fast-check';

/** With a seed that the figures can name; the full form shrinks what fails for as long as it takes. */
export function runsOf(share: number) {
  const { numRuns = 6, seed = Date.now() & 0x7fffffff } = fc.readConfigureGlobal();
  const isShort = process.env.FUZZ_RUNS === undefined;
  return {
    seed,
    numRuns: isShort ? 1 : Math.ceil(numRuns / share),
    ...(isShort && { interruptAfterTimeLimit: 120_000, markInterruptAsFailure: true }),
  };
}

/** Shrinking takes its time: the first failure is told at once. */
export function tellFirstFailure<Value>(
  run: (value: Value) => Promise<void>,
  { seed }: { readonly seed: number },
): (value: Value) => Promise<void> {
  let isTold = false;
  return (value) =>
    run(value).catch((error: unknown) => {
      const what = `A sequence of FUZZ_SEED=${seed} failed, and is now shrunk: ${error}`;
      if (!isTold) process.stderr.write(`${what.slice(0, 500)}\n`);
      isTold = true;
      throw error;
    });
}
