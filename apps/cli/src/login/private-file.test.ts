import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeTemporaryFolder } from '../testing/temporary-folder.test-support.ts';
import { makePrivateFolder, readPrivateFile, writePrivateFile } from './private-file.ts';

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

test('file and folder are their owner’s alone', async () => {
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'a', 'b', 'file');
  await makePrivateFolder(path);
  await writePrivateFile(path, 'one');
  await writePrivateFile(path, 'two');
  expect(await readPrivateFile(path)).toEqual({ text: 'two', wasOpen: false });
  expect(await modeOf(path)).toBe('600');
  expect(await modeOf(join(folder.path, 'a', 'b'))).toBe('700');
  expect(await readdir(join(folder.path, 'a', 'b'))).toEqual(['file']);
});

test('a folder that others may read is closed to them', async () => {
  await using folder = await makeTemporaryFolder();
  const open = join(folder.path, 'open');
  await mkdir(open);
  await chmod(open, 0o755);
  await makePrivateFolder(join(open, 'file'));
  expect(await modeOf(open)).toBe('700');
});

test.each([0o644, 0o640, 0o604, 0o660])(
  'a file of mode %o is closed and reported',
  async (mode) => {
    await using folder = await makeTemporaryFolder();
    const path = join(folder.path, 'file');
    await writeFile(path, 'text');
    await chmod(path, mode);
    expect(await readPrivateFile(path)).toEqual({ text: 'text', wasOpen: true });
    expect(await modeOf(path)).toBe('600');
  },
);

test('no file and no folder are no failure', async () => {
  await using folder = await makeTemporaryFolder();
  expect(await readPrivateFile(join(folder.path, 'none', 'file'))).toBeUndefined();
  expect(await readPrivateFile('/dev/null/file')).toBeUndefined();
});

test('a text that cannot be put in place leaves nothing beside it', async () => {
  await using folder = await makeTemporaryFolder();
  await mkdir(join(folder.path, 'taken'));
  await expect(writePrivateFile(join(folder.path, 'taken'), 'text')).rejects.toThrow();
  expect(await readdir(folder.path)).toEqual(['taken']);
});
