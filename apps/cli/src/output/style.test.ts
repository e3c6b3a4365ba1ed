import { expect, test } from 'vitest';
import { createStyle, wantsColours } from './style.ts';

test.each([
  { isTty: true, env: {}, expected: true },
  { isTty: false, env: {}, expected: false },
  { isTty: true, env: { TERM: 'dumb' }, expected: false },
  { isTty: true, env: { NO_COLOR: '1' }, expected: false },
  { isTty: true, env: { NO_COLOR: '' }, expected: true },
  { isTty: false, env: { FORCE_COLOR: '1' }, expected: true },
  { isTty: false, env: { FORCE_COLOR: '' }, expected: false },
  { isTty: true, env: { FORCE_COLOR: '0' }, expected: false },
  { isTty: false, env: { FORCE_COLOR: '1', NO_COLOR: '1' }, expected: false },
])('wantsColours($isTty, $env) is $expected', ({ isTty, env, expected }) => {
  expect(wantsColours(isTty, env)).toBe(expected);
});

test('without colours the text stays as it is', () => {
  expect(createStyle(false)('red', 'x')).toBe('x');
});
