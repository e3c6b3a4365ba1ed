// What the attack of three readers costs the others: how late /healthz is, and how much memory it takes.

import { forgetPeak, readPeakBytes } from '../support/memory.ts';
import {
  measureHealth,
  prepareGreedyReads,
  startGreedyReads,
  toP99,
} from '../support/open-everything-at-once.ts';
import { startApp } from '../support/start-sandbox-and-api.ts';
import { atMost, type Row, type Section, toMb, toMs, toText } from './report.ts';

const rounds = 5;

/** In the sandbox, whose process shares the machine. */
export async function measureGreedyReaders(): Promise<Section> {
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await using app = await startApp({ env: { RATE_LIMIT_PER_MINUTE: '600', LOG_LEVEL: 'info' } });
    await prepareGreedyReads(app);
    const idle = await measureHealth(app);
    await forgetPeak(app.server.pid);
    const beforeBytes = await readPeakBytes(app.server.pid);
    using _readers = startGreedyReads(app);
    const attack = await measureHealth(app);
    const grownBytes = (await readPeakBytes(app.server.pid)) - beforeBytes;
    measured.push({ idle, attack, grownBytes });
  }
  return {
    title: 'Three greedy readers',
    about: `177 requests at once that nobody reads (logs of 1 MB, followed logs, \`inspect\` of 150 kB, events, jobs), ${rounds} rounds, each on a new process.`,
    rows: toRows(measured),
  };
}

interface Round {
  /** Times of `/healthz`, in milliseconds. */
  readonly idle: readonly number[];
  readonly attack: readonly number[];
  readonly grownBytes: number;
}

function toRows(measured: readonly Round[]): readonly Row[] {
  const attackMs = toP99(measured.flatMap(({ attack }) => attack));
  const idleMs = toP99(measured.flatMap(({ idle }) => idle));
  const grownBytes = Math.max(...measured.map((round) => round.grownBytes));
  return [
    {
      what: `\`/healthz\`: p99 of ${100 * rounds}`,
      measured: `${toMs(attackMs)}, without them ${toMs(idleMs)}`,
      ratio: `${toText(attackMs / idleMs)}×`,
      target: atMost(100, attackMs, ' ms'),
    },
    {
      what: 'Memory: growth, at most',
      measured: toMb(grownBytes),
      target: atMost(100, grownBytes / 1e6, ' MB'),
    },
  ];
}
