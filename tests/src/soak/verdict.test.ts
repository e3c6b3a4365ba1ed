import { expect, test } from 'vitest';
import type { Sample } from './samples.ts';
import { judgeSoak } from './verdict.ts';

const toSamples = (toBytes: (n: number) => number, more: Partial<Sample> = {}): readonly Sample[] =>
  Array.from({ length: 40 }, (_, n) => ({
    ...{ atMs: n * 1000, handles: 20, sshChannels: 3, eventLoopP99Ms: 10 },
    residentBytes: toBytes(n),
    ...more,
  }));

const isMet = (samples: readonly Sample[]) => judgeSoak(samples).map(({ met }) => met);

test('what grows in the warm-up alone is no leak', () => {
  expect(isMet(toSamples((n) => (n < 8 ? 100e6 + n * 10e6 : 180e6)))).toEqual([true, true, true]);
});

test('memory that grows steadily by more than a tenth is a leak', () => {
  expect(isMet(toSamples((n) => 100e6 + n * 1e6))).toEqual([false, true, true]);
});

test('one peak is no leak', () => {
  expect(isMet(toSamples((n) => (n === 39 ? 900e6 : 100e6)))).toEqual([true, true, true]);
});

test('handles and channels that stay are a leak', () => {
  const samples = toSamples(() => 100e6).map((sample, n) => ({
    ...sample,
    handles: 20 + n,
    sshChannels: 3 + n,
  }));
  expect(isMet(samples)).toEqual([true, false, false]);
});

test('a soak that is too short is not judged', () => {
  expect(() => judgeSoak(toSamples(() => 1).slice(0, 6))).toThrow('too short');
});
