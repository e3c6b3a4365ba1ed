import { expect, test } from 'vitest';
import { measureInRounds, medianRatio } from './alternating-rounds.ts';
import { toLatency } from './latency-percentiles.ts';
import {
  atLeast,
  atMost,
  countMissed,
  type Section,
  toReport,
  toSummary,
  toText,
} from './report.ts';

const section: Section = {
  title: 'Listing',
  about: 'One call at a time.',
  rows: [
    { what: 'the socket', measured: '2 ms' },
    { what: 'REST', measured: '5 ms', ratio: '2.5×', target: atMost(2.5, 2.5, '×') },
    { what: 'the facade', measured: '59 a second', target: atLeast(60, 59) },
  ],
};

test('a target is met at its very limit, and missed beyond it', () => {
  expect([atMost(3, 3).met, atMost(3, 3.001).met]).toEqual([true, false]);
  expect([atLeast(3, 3).met, atLeast(3, 2.999).met]).toEqual([true, false]);
});

test('what could not be measured misses every target', () => {
  expect([atMost(3, Number.NaN).met, atLeast(3, Number.NaN).met]).toEqual([false, false]);
});

test('toReport() says of each target whether it is met, and how many are not', () => {
  const report = toReport([section], ['a machine', 'a day']);
  expect(report).toContain('a machine · a day');
  expect(report).toContain('| the socket | 2 ms |  |  |  |');
  expect(report).toContain('| REST | 5 ms | 2.5× | ≤ 2.5× | met |');
  expect(report).toContain('| the facade | 59 a second |  | ≥ 60 | **missed** |');
  expect(countMissed([section])).toBe(1);
  expect(toSummary([section])).toBe('1 of 2 targets are missed.');
});

test('toText() keeps three digits', () => {
  expect([0.12345, 12.345, 99.96, 1234.5, 100_000].map(toText)).toEqual([
    '0.123',
    '12.3',
    '100',
    '1 235',
    '100 000',
  ]);
});

test('toLatency() takes the middle and the tail of unsorted durations', () => {
  const durations = Array.from({ length: 200 }, (_, index) => ((index * 77) % 200) + 1);
  expect(toLatency(durations)).toEqual({ p50Ms: 100, p99Ms: 198, samples: 200 });
});

test('measureInRounds() takes turns and leaves the first round out', async () => {
  const order: string[] = [];
  let next = 0;
  const side = (name: string) => async () => {
    order.push(name);
    next += 1;
    return next;
  };
  expect(await measureInRounds(2, { ours: side('ours'), bare: side('bare') })).toEqual({
    ours: [3, 5],
    bare: [4, 6],
  });
  expect(order.join(' ')).toBe('ours bare ours bare ours bare');
});

test('medianRatio() compares within a round', () => {
  expect(medianRatio([1, 200, 3], [2, 100, 6])).toBe(0.5);
});
