// A build's output, as a caller may see it.

import { expect, test } from 'vitest';
import { isTelling } from '../model/possible-secret.ts';
import { costOfSixteenfold, linear } from '../testing/cpu-growth.test-support.ts';
import {
  createReadableLines,
  type ReadableLinesOptions,
  toOutputTail,
  toReadableTail,
} from './readable-output.ts';

test('toOutputTail() keeps the last 50 lines', () => {
  const lines = Array.from({ length: 80 }, (_, n) => `step ${n}`);
  expect(toOutputTail(`${lines.join('\n')}\n`)).toBe(lines.slice(30).join('\n'));
});

test.each([
  ['colours', '\u001b[31mred\u001b[0m', 'red'],
  ['a title', '\u001b]0;title\u0007text', 'text'],
  ['cursor moves', '\u001b[1A\u001b[2Kdone', 'done'],
  ['progress that was painted over', 'pulling 1%\rpulling 50%\rpulled\r', 'pulled'],
  ['Windows line ends', 'a\r\nb\r\n', 'a\nb'],
  ['NUL, bell and other controls', 'a\u0000b\u0007c\u009bd', 'abc'],
  ['blank lines', 'a\n\n   \nb', 'a\nb'],
  ['an endless line', 'x'.repeat(9000), `${'x'.repeat(500)}…`],
])('toOutputTail() cleans %s', (_name, output, clean) => {
  expect(toOutputTail(output)).toBe(clean);
});

test.each([
  'Step 3/5 : ENV API_KEY=hunter2',
  'Step 3/5 : ENV API_KEY hunter2',
  'Step 3/5 : ENV lower=hunter2 other="hunter2 x"',
  'Step 3/5 : ARG lower=hunter2',
  '#7 [2/3] RUN DB_PASSWORD="hunter2 and more" ./setup',
  "RUN TOKEN='hunter2' true",
  'connecting to postgres://app:hunter2@db:5432/app',
  'npm error authorization: Bearer hunter2hunter2',
  '"password": "hunter2"',
  'db_password: hunter2',
  'apiKey=hunter2',
])('toOutputTail() does not show the secret of %j', (line) => {
  const shown = toOutputTail(line);
  expect(shown).not.toContain('hunter2');
  expect(shown).toContain('***');
});

test('toOutputTail() leaves what says why a build failed', () => {
  const output =
    'ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1';
  expect(toOutputTail(output)).toBe(output);
});

test.each(['a', 'password', '\u001b]', 'ENV ', '://a', '"'])(
  'toOutputTail() costs in proportion to a line of many %j, which are made to be slow',
  (piece) => {
    const work = (size: number) => void toOutputTail(piece.repeat(size));
    expect(costOfSixteenfold(work, 50_000)).toBeLessThan(linear);
  },
);

const bytes = (text: string) => new TextEncoder().encode(text);

/** What a reader gets when the output comes in these pieces. */
function readPieces(pieces: readonly Uint8Array[], options?: ReadableLinesOptions) {
  const lines = createReadableLines(options);
  const given = [...pieces.map((piece) => lines.add(piece)), lines.end()];
  const texts = given.filter((each) => each !== undefined);
  return { text: texts.map(({ text }) => text).join(''), offset: texts.at(-1)?.offset };
}

/** From the first to the last. To expect something of thousands takes far longer than to read them. */
const numbers = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);

const buildOutput = [
  'plain',
  '\u001b[32mgreen\u001b[0m ünï🚀',
  'pulling 1%\rpulling 99%\rpulled',
  'windows\r',
  '',
  'ENV TOKEN=hunter2',
  'my s3cr3t-value and s3cr3t-value again',
  'x'.repeat(2010), // little more than is shown: every place in it is cut at
  'odd \u0000\u0007',
  'last, without newline',
].join('\n');

test('createReadableLines() gives every line once, readable, wherever the pieces are cut', () => {
  const raw = bytes(buildOutput);
  const whole = readPieces([raw], { secrets: ['s3cr3t-value'] });
  expect(whole.text).toBe(
    [
      'plain',
      'green ünï🚀',
      'pulled',
      'windows',
      '',
      'ENV TOKEN=***',
      'my *** and *** again',
      `${'x'.repeat(2000)}…`,
      'odd',
      'last, without newline',
      '',
    ].join('\n'),
  );
  expect(whole.offset).toBe(raw.length);
  const misreadCuts = numbers(0, raw.length).filter((cut) => {
    const pieces = [raw.subarray(0, cut), raw.subarray(cut)];
    const { text, offset } = readPieces(pieces, { secrets: ['s3cr3t-value'] });
    return text !== whole.text || offset !== whole.offset;
  });
  expect(misreadCuts).toEqual([]);
  expect(
    readPieces(
      [...raw].map((byte) => Uint8Array.of(byte)),
      { secrets: ['s3cr3t-value'] },
    ),
  ).toEqual(whole);
});

test('createReadableLines() places each text at the raw offset after it, where a reader may go on', () => {
  const raw = bytes(buildOutput);
  const whole = readPieces([raw]).text;
  const misreadCuts = numbers(1, raw.length).filter((cut) => {
    const first = createReadableLines().add(raw.subarray(0, cut));
    const at = first?.offset ?? 0;
    const rest =
      at === 0
        ? readPieces([raw])
        : readPieces([raw.subarray(at - 1)], { offset: at - 1, skipFirst: true });
    return (first?.text ?? '') + rest.text !== whole || rest.offset !== raw.length;
  });
  expect(misreadCuts).toEqual([]);
});

test('createReadableLines() leaves out what is left of a line that is cut off in front', () => {
  const raw = bytes('PASSWORD=hunter2\nnext\n');
  for (let offset = 1; offset < 17; offset += 1) {
    const pieces = [raw.subarray(offset)];
    expect(readPieces(pieces, { offset, skipFirst: true })).toEqual({
      text: 'next\n',
      offset: raw.length,
    });
  }
});

test('createReadableLines() of a line without end keeps what was painted last, in little memory', () => {
  const lines = createReadableLines();
  for (let n = 0; n < 1000; n += 1) lines.add(bytes(`${'#'.repeat(500)} ${n}%\r`));
  expect(lines.add(bytes('done\n'))).toMatchObject({ text: 'done\n' });
  for (let n = 0; n < 200; n += 1) lines.add(bytes('y'.repeat(10_000)));
  expect(lines.end()).toEqual({ text: `${'y'.repeat(2000)}…\n`, offset: expect.any(Number) });
});

test.each([
  ['bytes that are no UTF-8', [0x61, 0xff, 0xfe, 0x62, 0x0a], 'a\ufffd\ufffdb\n'],
  ['nothing', [], ''],
  ['a newline alone', [0x0a], '\n'],
])('createReadableLines() of %s', (_name, raw, text) => {
  expect(readPieces([Uint8Array.from(raw)]).text).toBe(text);
});

test('toReadableTail() begins with a whole line', () => {
  expect(toReadableTail(bytes('ret\nnext\nlast'), { isWhole: false })).toBe('next\nlast\n');
  expect(toReadableTail(bytes('first\nlast\n'), { isWhole: true })).toBe('first\nlast\n');
  expect(toReadableTail(bytes('no line ends here'), { isWhole: false })).toBe('');
});

test('the values of an environment are left out, the longest first, also what only looks like a pattern', () => {
  const secrets = ['abc.def', 'abc.defghi', '$(x)|[y]', 'abc.def'];
  const text = 'abcXdef abc.def abc.defghi $(x)|[y]';
  expect(toReadableTail(bytes(text), { isWhole: true, secrets })).toBe('abcXdef *** *** ***\n');
});

test.each([
  ['hunter22', true],
  ['postgres://db', true],
  ['/9j4AAQ+kd==', true],
  ['123456', true],
  ['short', false],
  ['     x     ', false],
  ['production', false],
  ['LOCALHOST', false],
  ['20.11.1', false],
  ['/usr/local/sbin:/usr/local/bin:/usr/bin', false],
  ['/var/lib/app', false],
])('isTelling(%j) is %s', (value, telling) => {
  expect(isTelling(value)).toBe(telling);
});

test('ten thousand lines are read in a time that grows with their number alone', () => {
  const read = (count: number) => {
    const raw = bytes(`#7 12.3 ${'word '.repeat(20)}\n`.repeat(count));
    const secrets = ['s3cr3t-value', 'another-value'];
    expect(readPieces([raw], { secrets }).offset).toBe(raw.length);
  };
  expect(costOfSixteenfold(read, 600)).toBeLessThan(linear);
});
