import { expect, test } from 'vitest';
import type { EnvironmentWords, JobRecord } from '../adapter-ports.ts';
import { type PresentWords, toHiddenWords } from './output-secrets.ts';

const at = (seconds: number) => new Date(Date.UTC(2026, 1, 8) + seconds * 1000).toISOString();

/** Of a container that was created then. */
const wordsOf = (word: string, createdAt: number): EnvironmentWords => ({
  createdAt: at(createdAt),
  words: [word],
});

/** A rebuild that found those words; it starts and ends in whole seconds, as jobs do. */
const rebuild = (
  id: string,
  secrets: EnvironmentWords | undefined,
  startedAt: number,
  finishedAt: number,
): JobRecord => ({
  id,
  kind: 'rebuild',
  target: 'web',
  state: 'succeeded',
  startedAt: at(startedAt),
  finishedAt: at(finishedAt),
  exitCode: 0,
  outputBytes: 0,
  outputTail: Buffer.alloc(0),
  secrets,
});

const first = wordsOf('first', -60);

test.each<[string, readonly JobRecord[], PresentWords, readonly string[] | undefined]>([
  ['the container that it left', [rebuild('a', first, 0, 9)], wordsOf('second', 8.2), ['second']],
  ['one of the second of its end', [rebuild('a', first, 0, 9)], wordsOf('second', 9.7), ['second']],
  ['one that goes on unchanged', [rebuild('a', first, 0, 9)], first, ['first']],
  ['only one of a later time', [rebuild('a', first, 0, 9)], wordsOf('third', 10.1), undefined],
  ['one that could not be read', [rebuild('a', first, 0, 9)], undefined, undefined],
  [
    'one that a later job found',
    [rebuild('b', wordsOf('second', 8.2), 20, 29), rebuild('a', first, 0, 9)],
    wordsOf('third', 28),
    ['second'],
  ],
  [
    'one that a later job found, and its successor of the same second',
    [rebuild('b', wordsOf('second', 8.9), 9, 9), rebuild('a', first, 8, 9)],
    wordsOf('third', 9.6),
    ['third', 'second'],
  ],
  [
    'two of the second of its end, one of them of a job that began in the same second',
    [rebuild('a', first, 9, 9), rebuild('b', wordsOf('second', 9.3), 9, 9)],
    wordsOf('third', 9.6),
    ['third', 'second'],
  ],
  [
    'one of the second of its end, where a later job may have found another',
    [rebuild('b', undefined, 9, 9), rebuild('a', first, 8, 9)],
    wordsOf('third', 9.6),
    undefined,
  ],
  [
    'nothing that an earlier job of the same second found',
    [rebuild('a', first, 9, 9), rebuild('0', wordsOf('zeroth', -90), 9, 9)],
    'gone',
    undefined,
  ],
])('after a job: %s', (_, all, present, after) => {
  expect(toHiddenWords('a', all, present)).toEqual(after && ['first', ...after]);
});

test('the words of before a job have to be known', () => {
  expect(toHiddenWords('a', [rebuild('a', undefined, 0, 9)], first)).toBeUndefined();
  expect(toHiddenWords('a', [], first)).toBeUndefined();
});
