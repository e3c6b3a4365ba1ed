// A build's output, as a caller may see it.

import { expect, test } from 'vitest';
import { toOutputTail } from './build-output.ts';

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

test('toOutputTail() is quick on lines made to be slow', () => {
  const start = performance.now();
  for (const piece of ['a', 'password', '\u001b]', 'ENV ', '://a', '"']) {
    toOutputTail(piece.repeat(200_000));
  }
  expect(performance.now() - start).toBeLessThan(3000);
});
