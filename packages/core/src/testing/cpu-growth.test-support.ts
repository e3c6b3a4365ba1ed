// How the cost of work grows with its size, in processor time: what runs beside it does not count.

/**
 * How many times as much processor time `work` takes for four times the size.
 * About 4 where the cost grows with the size alone, 16 where it grows with its square.
 */
export function costOfFourfold(work: (size: number) => void, size: number): number {
  const least = (each: number) => Math.min(...Array.from({ length: 3 }, () => costOf(work, each)));
  return least(4 * size) / least(size);
}

function costOf(work: (size: number) => void, size: number): number {
  const before = process.cpuUsage();
  work(size);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
