// Measures in alternating rounds, so that what else the machine does meets every side alike.

import { toPercentile } from './latency-percentiles.ts';

export type Rounds<Name extends string, Value> = Readonly<Record<Name, readonly Value[]>>;

/** Each side in turn, `rounds` times; a round before them warms up and does not count. */
export async function measureInRounds<Name extends string, Value>(
  rounds: number,
  sides: Readonly<Record<Name, () => Promise<Value>>>,
): Promise<Rounds<Name, Value>> {
  const entries = Object.entries(sides) as [Name, () => Promise<Value>][]; // an object's own keys
  const measured = Object.fromEntries(entries.map(([name]) => [name, []])) as unknown as Record<
    Name,
    Value[]
  >; // filled below
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, measure] of entries) {
      const value = await measure();
      if (round > 0) measured[name].push(value);
    }
  }
  return measured;
}

export function median(values: readonly number[]): number {
  return toPercentile(values, 50);
}

/** The median of the rounds' own ratios. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}
