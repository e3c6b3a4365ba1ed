// Judges a soak: what grows after the warm-up grows for ever.

import { median } from '../bench/alternating-rounds.ts';
import type { Sample } from './samples.ts';

export interface Growth {
  readonly name: string;
  /** Medians of the first and of the last quarter after the warm-up. */
  readonly first: number;
  readonly last: number;
  /** 0.1 is ten percent. */
  readonly growth: number;
  readonly met: boolean;
}

/** What a soak may grow by. */
export const mostGrowth = 0.1;
/** A few handles or channels more are those of the moment, not a leak. */
const moment = { handles: 10, sshChannels: 5 };

/** Needs eight samples after the warm-up, its first fifth. */
export function judgeSoak(samples: readonly Sample[]): readonly Growth[] {
  const warm = samples.slice(Math.floor(samples.length / 5));
  const quarter = Math.floor(warm.length / 4);
  if (quarter < 2) throw new Error(`A soak of ${samples.length} samples is too short to be judged`);
  const judge = (name: string, read: (sample: Sample) => number, spare = 0): Growth => {
    const first = median(warm.slice(0, quarter).map(read));
    const last = median(warm.slice(-quarter).map(read));
    const growth = first === 0 ? 0 : last / first - 1;
    return { name, first, last, growth, met: last <= first * (1 + mostGrowth) + spare };
  };
  return [
    judge('resident memory (MB)', ({ residentBytes }) => residentBytes / 1e6),
    judge('handles', ({ handles }) => handles, moment.handles),
    judge('SSH channels', ({ sshChannels }) => sshChannels, moment.sshChannels),
  ];
}
