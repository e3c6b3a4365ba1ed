// Bytes as a transport brings them: cut anywhere.

import * as fc from 'fast-check';

/** Where to cut, as shares of the whole. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.array(
  fc.double({ min: 0, max: 1, noNaN: true }),
  { maxLength: 12 },
);

export function toPieces(bytes: Buffer, shares: readonly number[]): Buffer[] {
  const places = shares.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b);
  return [...places, bytes.length].map((end, index) =>
    Buffer.from(bytes.subarray(places[index - 1] ?? 0, end)),
  );
}
