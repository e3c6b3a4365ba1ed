// How the cost of work grows with its size, in processor time: what runs beside it does not count.

/**
 * How many times as much processor time `work` takes for sixteen times the size.
 * About 16 where the cost grows with the size alone, 256 where it grows with its square: `linear` lies far from both.
 */
export function costOfSixteenfold(work: (size: number) => void, size: number): number {
  return leastCost(work, 16 * size) / leastCost(work, size);
}

/** What a cost that grows with the size alone stays below, on a busy machine too. */
export const linear = 64;

/** Of three runs, and of as many as take a twentieth of a second: what is quick is compiled by then, and some run is not disturbed. */
function leastCost(work: (size: number) => void, size: number): number {
  let least = Number.POSITIVE_INFINITY;
  let spent = 0;
  for (let run = 0; run < 3 || (spent < 50_000 && run < 1000); run += 1) {
    const cost = costOf(work, size);
    least = Math.min(least, cost);
    spent += cost;
  }
  return least;
}

/** In microseconds. */
function costOf(work: (size: number) => void, size: number): number {
  const before = process.cpuUsage();
  work(size);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
