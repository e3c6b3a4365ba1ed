// Answers of the VM's shell as records and readings; anything but the whole answer is none.

import { describe, expect, it } from 'vitest';
import { parseJobReadings, parseJobRecords, toTime } from './parse-output.ts';

const answer = (...parts: readonly (string | Buffer)[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part)));
const odd = Buffer.from([0x4d, 0x20, 0x65, 0x6e, 0x64, 0x0a, 0x00, 0xff]); // "M end\n" and more

describe('parseJobRecords()', () => {
  it('reads what ran, whatever bytes its output has', () => {
    const records = parseJobRecords(
      answer(
        'M j1 ended 17 1770545740 1770545731 rebuild 100 8 my.web-1\n',
        odd,
        'M j2 running - - 1770545731 rebuild 0 0 web\n',
        'M j3 lost - - 1770545731 rebuild 3 3 a b\n',
        'out',
        'M j4 ended 0 1770545740 1770545731 rebuild 0 0 web\n',
        'M end\n',
      ),
      'M',
    );
    expect(records).toEqual([
      {
        id: 'j1',
        kind: 'rebuild',
        target: 'my.web-1',
        state: 'failed',
        startedAt: '2026-02-08T10:15:31.000Z',
        finishedAt: '2026-02-08T10:15:40.000Z',
        exitCode: 17,
        outputBytes: 100,
        outputTail: odd,
      },
      expect.objectContaining({ id: 'j2', state: 'running', finishedAt: null, exitCode: null }),
      expect.objectContaining({ id: 'j3', state: 'lost', target: 'a b', exitCode: null }),
      expect.objectContaining({ id: 'j4', state: 'succeeded', exitCode: 0 }),
    ]);
  });

  it.each([
    ['nothing', ''],
    ['no end', 'M j ended 0 1 1 rebuild 0 0 web\n'],
    ['another mark', 'N end\n'],
    ['an output that is too short', 'M j ended 0 1 1 rebuild 9 9 web\nabcM end\n'],
    ['an output that is too long', 'M j ended 0 1 1 rebuild 9 2 web\nabcM end\n'],
    ['a size that is none', 'M j ended 0 1 1 rebuild 9 -1 web\nM end\n'],
    ['a state that is none', 'M j zombie 0 1 1 rebuild 0 0 web\nM end\n'],
    ['a kind that is none', 'M j ended 0 1 1 party 0 0 web\nM end\n'],
    ['a time that is none', 'M j ended 0 1 soon rebuild 0 0 web\nM end\n'],
    ['a line of a shell', 'sh: not found\nM end\n'],
  ])('takes %s for no answer', (_name, text) => {
    expect(parseJobRecords(Buffer.from(text), 'M')).toBeUndefined();
  });
});

describe('parseJobReadings()', () => {
  it('tells what there was, and whether that was all', () => {
    const readings = parseJobReadings(
      answer(
        'M a 5 running - 13 8\n',
        odd,
        'M a 0 ended 0 13 8\n',
        odd,
        'M a 5 ended 1 13 8\n',
        odd,
        'M b 9007199254740991 lost - 13 0\n',
        'M c 0 none - 0 0\n',
        'M end\n',
      ),
      'M',
    );
    expect(readings).toEqual([
      { id: 'a', offset: 5, state: 'running', bytes: odd, done: false },
      { id: 'a', offset: 0, state: 'succeeded', bytes: odd, done: false },
      { id: 'a', offset: 5, state: 'failed', bytes: odd, done: true },
      { id: 'b', offset: 2 ** 53 - 1, state: 'lost', bytes: Buffer.alloc(0), done: true },
      { id: 'c', offset: 0, state: undefined, bytes: Buffer.alloc(0), done: false },
    ]);
  });

  it('takes half of an answer for none, wherever it is cut', () => {
    const whole = answer('M a 5 running - 13 8\n', odd, 'M end\n');
    for (let end = 0; end < whole.length; end += 1) {
      expect(parseJobReadings(whole.subarray(0, end), 'M')).toBeUndefined();
    }
  });
});

describe('toTime()', () => {
  it.each([
    ['0', '1970-01-01T00:00:00.000Z'],
    ['1770545731', '2026-02-08T10:15:31.000Z'],
    ['9999999999999', undefined],
    ['-1', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('of %j is %j', (seconds, time) => {
    expect(toTime(seconds)).toBe(time);
  });
});
