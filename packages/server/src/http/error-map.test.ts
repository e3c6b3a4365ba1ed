import { readFile } from 'node:fs/promises';
import { errorCodes, errorTexts } from '@ondemand/core';
import { beforeAll, expect, test } from 'vitest';
import { errorMap } from './error-map.ts';

let lines: readonly string[];

beforeAll(async () => {
  const text = await readFile(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
  lines = text.split('\n');
});

test('every error code has its line in docs/errors.md, with its status and first text', () => {
  for (const code of errorCodes) {
    const start = `| ${errorMap[code].status} | \`${code}\` | ${errorTexts[code][0]} |`;
    expect(
      lines.filter((line) => line.startsWith(start)),
      code,
    ).toHaveLength(1);
  }
});

test('docs/errors.md lists the texts of `error` exactly, each on a line with its codes and what it means', () => {
  const expected = new Map<string, string[]>();
  for (const code of errorCodes)
    for (const text of errorTexts[code]) expected.set(text, [...(expected.get(text) ?? []), code]);
  const from = lines.indexOf('| error | code | what happened |');
  const rows = lines.slice(from + 2).filter((line) => line !== '');
  expect(rows.map((row) => /^\| (.+) \| (.+) \| \S.+ \|$/.exec(row)?.slice(1, 3))).toEqual(
    [...expected].map(([text, codes]) => [text, codes.map((code) => `\`${code}\``).join(', ')]),
  );
});

test('no text of the list is longer than a line on a phone, or holds what belongs in a message', () => {
  for (const text of Object.values(errorTexts).flat()) {
    expect(text).toMatch(/^[A-Z][\w ,/'-]{5,44}$/);
  }
});
