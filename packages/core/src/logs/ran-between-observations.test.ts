// Whether a container may have written anything between two looks at it.

import { expect, test } from 'vitest';
import { mayHaveRun } from './ran-between-observations.ts';

const id = 'c0ffee';
const exited = (uptime: string) => ({ id, state: 'exited', uptime }) as const;

test.each([
  ['Exited (0) 5 seconds ago', 'Exited (0) 6 seconds ago'],
  ['Exited (0) 59 seconds ago', 'Exited (0) About a minute ago'],
  ['Exited (0) About a minute ago', 'Exited (0) About a minute ago'],
  ['Exited (137) 59 minutes ago', 'Exited (137) About an hour ago'],
  ['Exited (0) 47 hours ago', 'Exited (0) 2 days ago'],
  ['Exited (0) 2 years ago', 'Exited (0) 2 years ago'],
  ['Created', 'Created'],
])('a stopped one ages: %s, then %s', (before, now) => {
  expect(mayHaveRun(exited(before), exited(now))).toBe(false);
});

test.each([
  ['Exited (0) 5 seconds ago', 'Exited (0) 1 second ago'],
  ['Exited (0) 5 seconds ago', 'Exited (0) 5 seconds ago'],
  ['Exited (0) Less than a second ago', 'Exited (0) Less than a second ago'],
  ['Exited (0) About a minute ago', 'Exited (0) 2 seconds ago'],
  ['Exited (0) 2 days ago', 'Exited (0) About an hour ago'],
  ['Exited (0) 5 seconds ago', 'Exited (1) 6 seconds ago'],
  ['Created', 'Exited (0) 1 second ago'],
  ['something', 'something else'],
])('one whose end is newer has run: %s, then %s', (before, now) => {
  expect(mayHaveRun(exited(before), exited(now))).toBe(true);
});

test('one that runs, ran, or is another one may have run', () => {
  const still = exited('Exited (0) 2 days ago');
  const running = { id, state: 'running', uptime: 'Up 1 second' } as const;
  expect(mayHaveRun(running, still)).toBe(true);
  expect(mayHaveRun(still, running)).toBe(true);
  expect(mayHaveRun(still, { ...still, id: 'decade' })).toBe(true);
  expect(mayHaveRun(still, { ...still, state: 'created' })).toBe(true);
});
