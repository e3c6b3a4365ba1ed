import { chmod, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAuditFile, createAuditFile } from './file.ts';

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-'));
});
afterAll(() => rm(folder, { recursive: true }));

const newPath = () => {
  count += 1;
  return join(folder, `audit-${count}.jsonl`);
};

async function readAll(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createAuditFile(path).readBackwards()) lines.push(line);
  return lines;
}

describe('append()', () => {
  test('adds to what is there and creates what is not, for its owner alone', async () => {
    const path = newPath();
    const file = createAuditFile(path);
    await file.append('one\n');
    await file.append('two\nthree\n');
    expect(await readFile(path, 'utf8')).toBe('one\ntwo\nthree\n');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('ends a line that another write left torn', async () => {
    const path = newPath();
    await writeFile(path, 'one\n{"time":"20');
    await createAuditFile(path).append('two\n');
    expect(await readFile(path, 'utf8')).toBe('one\n{"time":"20\ntwo\n');
  });

  test('writes to the new file once the old one was rotated away', async () => {
    const path = newPath();
    const file = createAuditFile(path);
    await file.append('old\n');
    await rename(path, `${path}.1`);
    await file.append('new\n');
    expect(await readFile(path, 'utf8')).toBe('new\n');
    expect(await readFile(`${path}.1`, 'utf8')).toBe('old\n');
  });

  test('rejects, as check() does, when the folder is gone', async () => {
    const file = createAuditFile(join(folder, 'gone', 'audit.jsonl'));
    await expect(file.append('one\n')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(file.check()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('keeps lines whole when many write to one file', async () => {
    const path = newPath();
    const files = [createAuditFile(path), createAuditFile(path), createAuditFile(path)];
    const lines = files.flatMap((file, writer) =>
      Array.from({ length: 20 }, (_, index) => ({
        file,
        line: `${writer}-${index}-${'x'.repeat(500)}`,
      })),
    );
    await Promise.all(lines.map(({ file, line }) => file.append(`${line}\n`)));
    expect((await readAll(path)).sort()).toEqual(lines.map(({ line }) => line).sort());
  });
});

describe('readBackwards()', () => {
  test('gives the lines from the last to the first, across the pieces in which it reads', async () => {
    const path = newPath();
    const lines = Array.from(
      { length: 2000 },
      (_, index) => `${index} ü ${'€'.repeat(index % 97)} ${'y'.repeat(index % 131)}`,
    );
    lines[1500] = 'z'.repeat(200_000);
    await writeFile(path, `${lines.join('\n')}\n`);
    expect(await readAll(path)).toEqual(lines.toReversed());
  });

  test.each([
    ['nothing', '', []],
    ['blank lines', '\n\none\n\n', ['one']],
    ['one line without its end', 'one', ['one']],
    ['exactly what is read at once', `${'x'.repeat(65_535)}\n`, ['x'.repeat(65_535)]],
    [
      'a line that begins where a piece does',
      `one\n${'x'.repeat(65_535)}\n`,
      ['x'.repeat(65_535), 'one'],
    ],
  ])('takes %s', async (_, content, lines) => {
    const path = newPath();
    await writeFile(path, content);
    expect(await readAll(path)).toEqual(lines);
  });

  test('can be left early', async () => {
    const path = newPath();
    await writeFile(path, 'one\ntwo\n');
    for await (const line of createAuditFile(path).readBackwards()) {
      expect(line).toBe('two');
      break;
    }
  });
});

describe('checkAuditFile()', () => {
  test('finds nothing wrong with a file that is, or can be made', async () => {
    const path = newPath();
    expect(await checkAuditFile(undefined)).toEqual([]);
    expect(await checkAuditFile(path)).toEqual([]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await checkAuditFile(path)).toEqual([]);
  });

  test('names the variable and the reason, never the path', async () => {
    const link = newPath();
    await symlink('/dev/null', link);
    for (const [path, reason] of [
      [join(folder, 'gone', 'audit.jsonl'), /ENOENT.*folder must exist/],
      [folder, /regular file/],
      [link, /regular file/],
    ] as const) {
      const [problem = '', ...more] = await checkAuditFile(path);
      expect(more).toEqual([]);
      expect(problem).toMatch(/^AUDIT_LOG_FILE: /);
      expect(problem).toMatch(reason);
      expect(problem).not.toContain(path);
    }
  });

  test('leaves the mode of a file that exists to its owner', async () => {
    const path = newPath();
    await writeFile(path, '');
    await chmod(path, 0o640);
    await checkAuditFile(path);
    await createAuditFile(path).append('one\n');
    expect((await stat(path)).mode & 0o777).toBe(0o640);
  });
});
