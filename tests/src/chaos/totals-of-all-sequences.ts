// What happened in all sequences together, for docs/reliability.md.

import type { Figures } from '../reliability/record-figures.ts';

export interface Counts {
  /** The first word is the table that it belongs to, if there is more than one word like it. */
  add(what: string, times?: number): void;
  toFigures(title: string, runs: { readonly seed: number }): Figures;
}

export function createCounts(): Counts {
  const startedAt = performance.now();
  const startedCpu = process.cpuUsage();
  const counts = new Map<string, number>();
  return {
    add(what, times = 1) {
      counts.set(what, (counts.get(what) ?? 0) + times);
    },
    toFigures(title, { seed }) {
      const { user, system } = process.cpuUsage(startedCpu);
      const minutes = (ms: number) => (ms / 60_000).toFixed(1);
      const ofKind = (kind: string) =>
        [...counts]
          .filter(([what]) => what.startsWith(`${kind} `))
          .map(([what, count]) => [what.slice(kind.length + 1), count] as const)
          .sort((a, b) => b[1] - a[1]);
      const list = (kind: string) =>
        ofKind(kind)
          .map(([what, count]) => `${what} ${count}`)
          .join(', ');
      const sum = (kind: string) => ofKind(kind).reduce((total, [, count]) => total + count, 0);
      const rest = [...counts].filter(([what]) => !/^(?:step|answer|fault) /.test(what));
      return {
        title,
        lines: [
          `${rest.map(([what, count]) => `${count} ${what}`).join(', ')} in ${minutes(performance.now() - startedAt)} minutes, ${minutes((user + system) / 1000)} of them of one core; seed ${seed}.`,
        ],
        tables: [
          {
            head: ['what', 'in all', 'of these'],
            rows: ['step', 'answer', 'fault'].map((kind) => [`${kind}s`, sum(kind), list(kind)]),
          },
        ],
      };
    },
  };
}
