// What the attack of three readers costs the others: how late /healthz is, and how much memory it takes.

import { measureHealth, prepareGreedyReads, startGreedyReads } from '../support/greedy-readers.ts';
import { forgetPeak, readPeakBytes } from '../support/memory.ts';
import { startApp } from '../support/start-app.ts';
import { atMost, type Row, type Section, toMb, toMs, toText } from './report.ts';

const rounds = 5;

/** In the sandbox, whose process shares the machine. */
export async function measureGreedyReaders(): Promise<Section> {
  const measured: { idleMs: number; attackMs: number; grownBytes: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await using app = await startApp({ env: { RATE_LIMIT_PER_MINUTE: '600', LOG_LEVEL: 'info' } });
    await prepareGreedyReads(app);
    const idleMs = await measureHealth(app);
    await forgetPeak(app.server.pid);
    const beforeBytes = await readPeakBytes(app.server.pid);
    using _readers = startGreedyReads(app);
    const attackMs = await measureHealth(app);
    measured.push({
      idleMs,
      attackMs,
      grownBytes: (await readPeakBytes(app.server.pid)) - beforeBytes,
    });
  }
  return {
    title: 'Three greedy readers',
    about: `177 requests at once that nobody reads (logs of 1 MB, followed logs, \`inspect\` of 150 kB, events, jobs), ${rounds} rounds, each on a new process: the worst of them.`,
    rows: toRows(measured),
  };
}

function toRows(
  measured: readonly { idleMs: number; attackMs: number; grownBytes: number }[],
): readonly Row[] {
  const attackMs = Math.max(...measured.map((round) => round.attackMs));
  const idleMs = Math.max(...measured.map((round) => round.idleMs));
  const grownBytes = Math.max(...measured.map((round) => round.grownBytes));
  return [
    {
      what: '`/healthz`: p99 of 100',
      measured: `${toMs(attackMs)}, without them ${toMs(idleMs)}`,
      ratio: `${toText(attackMs / idleMs)}×`,
      target: atMost(100, attackMs, ' ms'),
    },
    {
      what: 'Memory: growth',
      measured: toMb(grownBytes),
      target: atMost(100, grownBytes / 1e6, ' MB'),
    },
  ];
}
