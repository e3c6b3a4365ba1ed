import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorCodes, errorTexts } from '@ondemand/core';
import { beforeAll, expect, test } from 'vitest';
import { errorMap } from './error-statuses.ts';

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

test('every error code has its line in docs/troubleshooting.md with what to do', async () => {
  const page = await readFile(
    new URL('../../../../docs/troubleshooting.md', import.meta.url),
    'utf8',
  );
  const told = [...page.matchAll(/^\| `([A-Z_]+)` \| [^|]+ \|$/gm)].map(([, code]) => code);
  expect(told).toEqual(errorCodes);
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

test('each details.reason in the sources has its line in docs/troubleshooting.md with what to do, and no other is there', async () => {
  const page = await readFile(
    new URL('../../../../docs/troubleshooting.md', import.meta.url),
    'utf8',
  );
  const section = page.slice(page.indexOf('## By `details.reason`'));
  const told = [...section.matchAll(/^\| `([A-Z_]+)` \| \S.+ \| \S.+ \|$/gm)].map(
    ([, reason]) => reason,
  );
  const patterns = {
    '': /\breason: '([A-Z_]+)'/g,
    'ssh/to-app-error.ts': /^ {2}(?!EAI_)([A-Z]+_[A-Z_]+):/gm,
    'docker/to-app-error.ts': /^ {2}\| '([A-Z_]+)'/gm,
    'streams/stream-registry.ts': /\bshuttingDown = '([A-Z_]+)'/g,
  };
  const used = new Set<string>();
  for (const file of await listSources()) {
    const text = await readFile(file, 'utf8');
    for (const [end, pattern] of Object.entries(patterns)) {
      if (!file.endsWith(end)) continue;
      for (const [, reason = ''] of text.matchAll(pattern)) used.add(reason);
    }
  }
  expect(used.size).toBeGreaterThan(60);
  expect(told.toSorted()).toEqual([...used].toSorted());
});

test('no text of the list is longer than a line on a phone, or holds what belongs in a message', () => {
  for (const text of Object.values(errorTexts).flat()) {
    expect(text).toMatch(/^[A-Z][\w ,/'-]{5,44}$/);
  }
});

/** Of the core and the server, without their tests. */
async function listSources(): Promise<string[]> {
  const packages = fileURLToPath(new URL('../../../', import.meta.url));
  const folders = ['core/src', 'server/src'].map((folder) => join(packages, folder));
  const found = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(folder, { recursive: true })).map((name) => join(folder, name)),
    ),
  );
  return found.flat().filter((file) => /^(?!.*\btest\b).*\.ts$/.test(file));
}
