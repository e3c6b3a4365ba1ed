// Every report has its test here, and what only the documents can keep is in them.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { report, reports } from './reports.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

test('each report has a test in this folder, named by its number', () => {
  const files = readdirSync(new URL('.', import.meta.url)).filter((name) =>
    name.endsWith('.test.ts'),
  );
  const used = files.flatMap((name) =>
    [...read(name).matchAll(/\breport\(\s*(\d+),/g)].map(([, number]) => Number(number)),
  );
  expect([...new Set(used)].sort((a, b) => a - b)).toEqual(Object.keys(reports).map(Number));
});

test(report(35, 'the pages about the VM and about rebuilds name what the SSH user needs'), () => {
  const start = read('../../../docs/getting-started.md');
  const live = read('../../../docs/live-data.md');
  for (const text of [start, live]) {
    for (const word of [
      'POSIX `sh`',
      '`flock`',
      '`setsid`',
      'compose projects',
      'read what is in them',
    ]) {
      expect.soft(text.replace(/\s+/g, ' ').replace('to read', 'read')).toContain(word);
    }
  }
  for (const word of ['setfacl', 'nologin', 'chage']) expect.soft(start).toContain(word);
});

test(report(23, 'the checked-in document keeps the servers of the reference'), () => {
  const { servers } = JSON.parse(read('../../../docs/openapi.json')) as {
    servers: { url: string }[];
  };
  expect(servers.map(({ url }) => url)).toEqual([
    'https://api.diegonmarcos.com',
    'http://127.0.0.1:5000',
    'http://localhost:5000',
  ]);
});
