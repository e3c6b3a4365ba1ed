// `pnpm test:soak`: prints what a soak showed, and with `--write` puts its figures and its plot into docs.

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { median } from '../bench/alternating-rounds.ts';
import { type Figures, recordFigures } from '../reliability/record-figures.ts';
import { beginSection, toMarkdown } from '../reliability/write-docs-section.ts';
import { toPlot } from './plot.ts';
import { runSoak, type SoakResult } from './soak.ts';
import { type Growth, judgeSoak } from './verdict.ts';

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      write: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (!Number.isInteger(minutes) || minutes < 2 || minutes > 24 * 60) {
    process.stderr.write(
      `--minutes takes a whole number from 2 to 1440; it was ${values.minutes}\n`,
    );
    return 2;
  }
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const section = beginSection('soak');
  const result = await runSoak({
    faults: minutes,
    intervalMs: 60_000,
    faultMs: 15_000,
    sampleMs: 5_000,
    say,
  });
  const growths = judgeSoak(result.samples);
  const figures = toFigures(result, growths);
  say(toMarkdown(figures));
  recordFigures('soak', figures);
  for (const line of result.wrong.slice(0, 20)) say(`Wrong: ${line}`);
  if (values.write) await section.write([figures]);
  if (values.write || process.env.FIGURES_FILE) {
    await writeFile('docs/soak.svg', toPlot(result.samples, result.faults));
  }
  return result.wrong.length === 0 && growths.every(({ met }) => met) ? 0 : 1;
}

function toFigures(
  { samples, faults, answers, wrong }: SoakResult,
  growths: readonly Growth[],
): Figures {
  const total = [...answers.values()].reduce((sum, count) => sum + count, 0);
  const names = [...new Set(faults.map(({ name }) => name))];
  const loopMs = samples.map(({ eventLoopP99Ms }) => eventLoopP99Ms);
  const [middleMs, mostMs] = [median(loopMs), Math.max(...loopMs)].map(Math.round);
  return {
    lines: [
      `${total} answers, ${wrong.length} of them wrong; the event loop's p99 was ${middleMs} ms in the middle, ${mostMs} ms at most.`,
    ],
    tables: [
      {
        head: ['after the warm-up', 'first quarter', 'last quarter', 'growth', ''],
        rows: growths.map(({ name, first, last, growth, met }) => [
          name,
          first.toFixed(1),
          last.toFixed(1),
          `${(growth * 100).toFixed(1)} %`,
          met ? 'met' : '**missed**',
        ]),
      },
      {
        head: ['fault, 15 s each', 'times', 'recovered after, in the middle', 'at most'],
        rows: names.map((name) => {
          const times = faults.filter((fault) => fault.name === name).map((f) => f.recoveryMs);
          return [name, times.length, toSeconds(median(times)), toSeconds(Math.max(...times))];
        }),
      },
    ],
  };
}

function toSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
