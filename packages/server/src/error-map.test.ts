import { readFile } from 'node:fs/promises';
import { errorCodes } from '@ondemand/core';
import { expect, test } from 'vitest';
import { errorMap } from './error-map.ts';

test('every error code has its line in docs/errors.md, with its status and text', async () => {
  const lines = (await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8')).split(
    '\n',
  );
  for (const code of errorCodes) {
    const { status, error } = errorMap[code];
    const line = lines.find((text) => text.startsWith(`| ${status} | \`${code}\` | ${error} |`));
    expect(line, code).toBeDefined();
  }
});
