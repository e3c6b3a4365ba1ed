import { expect, test } from 'vitest';
import { humanDuration, type StatusFacts, toStatusText } from './status-text.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

// As the tests of docker/go-units have it.
test.each([
  [450, 'Less than a second'],
  [47 * second, '47 seconds'],
  [1 * second, '1 second'],
  [1 * minute, 'About a minute'],
  [3 * minute, '3 minutes'],
  [35 * minute + 40 * second, '35 minutes'],
  [59 * minute + 59 * second, '59 minutes'],
  [1 * hour, 'About an hour'],
  [hour + 45 * minute, '2 hours'],
  [3 * hour, '3 hours'],
  [3 * hour + 59 * minute, '4 hours'],
  [1 * day, '24 hours'],
  [day + 12 * hour, '36 hours'],
  [2 * day, '2 days'],
  [7 * day, '7 days'],
  [13 * day + 5 * hour, '13 days'],
  [4 * 7 * day, '4 weeks'],
  [2 * 30 * day, '2 months'],
  [23 * 30 * day, '23 months'],
  [2 * 365 * day, '2 years'],
])('%d ms are %s', (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});

const hours3 = 3n * 3_600_000_000_000n;
const facts: StatusFacts = {
  status: 'running',
  exitCode: 0,
  health: undefined,
  startedAt: 1n,
  finishedAt: 1n,
};

test.each<[Partial<StatusFacts>, string]>([
  [{}, 'Up 3 hours'],
  [{ health: 'healthy' }, 'Up 3 hours (healthy)'],
  [{ health: 'unhealthy' }, 'Up 3 hours (unhealthy)'],
  [{ health: 'starting' }, 'Up 3 hours (health: starting)'],
  [{ startedAt: hours3 }, 'Up Less than a second'],
  [{ status: 'paused', health: 'healthy' }, 'Up 3 hours (Paused)'],
  [{ status: 'restarting', exitCode: 1 }, 'Restarting (1) 3 hours ago'],
  [{ status: 'exited', exitCode: 137 }, 'Exited (137) 3 hours ago'],
  [{ status: 'created' }, 'Created'],
  [{ status: 'removing' }, 'Removal In Progress'],
  [{ status: 'dead' }, 'Dead'],
  [{ status: 'stopping' }, 'stopping'],
])('%o reads as %s', (change, text) => {
  expect(toStatusText({ ...facts, ...change }, hours3)).toBe(text);
});
