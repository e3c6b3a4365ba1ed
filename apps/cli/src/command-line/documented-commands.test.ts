import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { root } from '../commands/all-commands.ts';
import { globalOptions, rootOptions } from './options.ts';
import { findSubject } from './parse.ts';

const repository = new URL('../../../../', import.meta.url);

test('every command of the CLI that a document names is one, with the options that it has there', async () => {
  const inDocs = (await readdir(new URL('docs', repository))).map((name) => `docs/${name}`);
  const pages = ['README.md', ...inDocs].filter((name) => name.endsWith('.md'));
  let count = 0;
  for (const page of pages) {
    const text = await readFile(new URL(page, repository), 'utf8');
    for (const [written, line = ''] of text.matchAll(
      /(?:^|[`$(]| {2}|pnpm@10 )ondemand ((?:[a-z]|--)[^`\n#]*)/gm,
    )) {
      const words =
        line
          .split(/ -- | \|/)[0]
          ?.trim()
          .split(/\s+/) ?? [];
      if (words[0] === 'help') continue;
      const { path, subject, rest } = await findSubject(root, words);
      count += 1;
      const options = {
        ...globalOptions,
        ...(subject.kind === 'command' ? subject.options : {}),
        ...(path.length === 0 ? rootOptions : {}),
      };
      const names = rest.flatMap((word) => /^--([a-z-]+)/.exec(word)?.[1] ?? []);
      expect
        .soft(Object.keys(options), `${page}: ${written}`)
        .toEqual(expect.arrayContaining(names));
    }
  }
  expect(count).toBeGreaterThan(40);
});
