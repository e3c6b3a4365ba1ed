// What the documents say is there: the files and headings that they link to, and every name in them.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPages, root, toAnchors, toCommands, toLinks } from './pages.ts';

const pages = readPages();

test('a block of shell commands is run by a test, or says why it is not', () => {
  const shells = /^(sh|bash|zsh|fish|shell|console|shell-session|terminal)\b/;
  const blocks = pages.flatMap((page) => page.blocks).filter(({ info }) => shells.test(info));
  expect(blocks.length).toBeGreaterThan(10);
  for (const { place, info } of blocks) {
    expect.soft(info, place).toMatch(/^sh( run-by=\S+| not-run: \S.{9,})?$/);
    const [, test] = /run-by=(\S+)/.exec(info) ?? [];
    expect.soft(test ?? '.ci/run', place).toMatch(/\.test\.ts$|^\.ci\/run$/);
    if (test !== undefined)
      expect.soft(existsSync(join(root, test)), `${place}: ${test}`).toBe(true);
  }
});

test('every fence is closed, and says what is in it', () => {
  for (const { path, prose, blocks } of pages) {
    expect.soft(prose, path).not.toContain('```');
    for (const { place, info } of blocks) expect.soft(info, place).toMatch(/^[a-z]+/);
  }
});

test('every link within the repository leads to a file that is there, and to a heading of it', () => {
  const anchors = new Map(pages.map((page) => [page.path, toAnchors(page)]));
  for (const page of pages) {
    for (const { target, path, anchor } of toLinks(page)) {
      if (path === undefined) continue;
      const where = `${page.path}: ${target}`;
      expect.soft(existsSync(join(root, path)), where).toBe(true);
      if (anchor !== undefined)
        expect.soft([...(anchors.get(path) ?? [])], where).toContain(anchor);
    }
  }
});

test('every variable, error code and reason that a document names is one', () => {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const find = (text: string, pattern: RegExp) =>
    [...text.matchAll(pattern)].map(([, name]) => name);
  const known = new Set([
    ...find(read('ondemand.env.example'), /^#?([A-Z][A-Z_]+)=/gm),
    ...find(read('apps/cli/src/environment.ts'), /'([A-Z][A-Z_]+)'/g),
    // Both are compared with the sources by a test of the server.
    ...find(read('docs/errors.md'), /^\| \d+ \| `([A-Z_]+)`/gm),
    ...find(read('docs/troubleshooting.md'), /^\| `([A-Z_]+)` \|/gm),
    ...[
      'CLIENT_ID',
      'CREATING_IMAGE',
      'FUZZ_PATH',
      'FUZZ_SEED',
      'INSTANCE_POWER_ACTIONS',
      'WAYLAND_DISPLAY',
      'XDG_STATE_HOME',
    ],
  ]);
  for (const { path, text } of pages) {
    if (path === 'docs/rest-api-reference.md') continue;
    const names = find(text, /(?<![\w$/.-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b(?![-./]\w|\()/g);
    expect
      .soft(
        [...new Set(names)].filter(
          (name) =>
            !known.has(name) &&
            !known.has(name?.replace(/(SECRET|PASSPHRASE|HEADERS)_FILE$/, '$1')),
        ),
        path,
      )
      .toEqual([]);
  }
});

test('the page about REST lists every operation with its scopes', () => {
  const { paths } = JSON.parse(readFileSync(join(root, 'docs/openapi.json'), 'utf8')) as {
    paths: Record<string, Record<string, { security: { bearerAuth: string[] }[] }>>;
  };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => {
      const scopes = security.flatMap(({ bearerAuth }) => bearerAuth);
      return `${method.toUpperCase()} ${path}: ${scopes.join(', ')}`;
    }),
  );
  const page = pages.find(({ path }) => path === 'docs/api.md')?.text ?? '';
  const rows = page.matchAll(/^\| `([A-Z]+ \/.*)` \| (.+) \| \S.* \|$/gm);
  const listed = [...rows].map(
    ([, operation, scopes]) => `${operation}: ${scopes?.replaceAll('`', '')}`,
  );
  expect(listed.toSorted()).toEqual(operations.toSorted());
});

test('every page of docs/ is in its index', () => {
  const index = pages.find(({ path }) => path === 'docs/README.md');
  const linked = index === undefined ? [] : toLinks(index).map(({ path }) => path);
  const inDocs = pages.map(({ path }) => path).filter((path) => path.startsWith('docs/'));
  expect(linked).toEqual(
    expect.arrayContaining(inDocs.filter((path) => path !== 'docs/README.md')),
  );
});

test('blocks of shell commands are cut into their commands', () => {
  const text = "a=1\n# no\n\ncurl x \\\n  y\ncat > f <<'EOF'\nin # it\nEOF\nls # yes";
  expect(toCommands(text)).toEqual([
    'a=1',
    'curl x \\\n  y',
    "cat > f <<'EOF'\nin # it\nEOF",
    'ls # yes',
  ]);
});
