// What the script for the diagnosis finds in homes that are in order and in those that are not, in a real shell.

import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { factsScript, parseHostFacts } from './required-software.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ondemand-facts-'));
});
afterAll(() => rm(folder, { recursive: true }));

let homes = 0;
async function makeHome(): Promise<string> {
  homes += 1;
  const home = join(folder, `home ${homes}`);
  await mkdir(home);
  return home;
}

function read(home: string, env: Readonly<Record<string, string>> = {}) {
  const output = execFileSync('/bin/sh', ['-c', factsScript, 'ondemand', 'mark'], {
    env: { PATH: process.env.PATH, HOME: home, ...env },
    encoding: 'utf8',
  });
  return parseHostFacts(output, 'mark');
}

const state = '.local/state/ondemand';

test('a home without anything is in order, and stays as it is', async () => {
  const home = await makeHome();
  const facts = read(home);
  expect(facts).toMatchObject({ tools: undefined, jobFolder: undefined });
  expect(Math.abs(facts.now - Date.now() / 1000)).toBeLessThan(3600);
  expect(facts.disks.find(({ of }) => of === 'home')?.freeBytes).toBeGreaterThan(0);
  expect(await readdir(home)).toEqual([]);
});

test('so is one where jobs have run', async () => {
  const home = await makeHome();
  await mkdir(join(home, state, 'jobs'), { recursive: true, mode: 0o700 });
  expect(read(home).jobFolder).toBeUndefined();
});

test.each<[string, (home: string) => Promise<unknown>]>([
  [
    'a link in place of the folder',
    async (home) => {
      await mkdir(join(home, '.local/state'), { recursive: true });
      await symlink('/tmp', join(home, state));
    },
  ],
  [
    'a link that leads nowhere',
    async (home) => {
      await mkdir(join(home, state), { recursive: true });
      await symlink('/nowhere', join(home, state, 'jobs'));
    },
  ],
  ['a file in place of a folder', async (home) => writeFile(join(home, '.local'), '')],
])('%s leaves jobs without a place', async (_what, spoil) => {
  const home = await makeHome();
  await spoil(home);
  expect(read(home).jobFolder?.message).toMatch(/folder for jobs cannot be made on oci-flex/);
});

test('a VM without flock is told, and one that hides processes', async () => {
  const home = await makeHome();
  const bin = join(folder, 'bin');
  await mkdir(bin);
  for (const tool of ['date', 'df', 'tail', 'setsid']) {
    const path = execFileSync('/bin/sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' });
    await symlink(path.trim(), join(bin, tool));
  }
  const facts = read(home, { PATH: bin, HOST_PROC: home });
  expect(facts.tools?.message).toMatch(/lacks "flock" or "setsid".*install util-linux/);
  expect(facts.isProcHidden).toBe(true);
});

test('half an answer is none', () => {
  expect(() => parseHostFacts('mark now 1770545730\nmark flock', 'mark')).toThrow(/not whole/);
});
