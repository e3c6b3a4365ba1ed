import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createVmUse } from './simulated-use.ts';

async function start() {
  const home = await mkdtemp(join(tmpdir(), 'ondemand-use-'));
  onTestFinished(() => rm(home, { recursive: true }));
  const folder = join(home, 'proc');
  const binFolder = join(home, 'bin');
  await mkdir(binFolder);
  const ends: string[] = [];
  const files = createVmUse({
    ...{ folder, binFolder, port: 22 },
    containers: () => [],
    peers: () => ends,
  });
  files.write();
  const connections = () => readFileSync(join(folder, 'self/net/tcp'), 'utf8').split('\n').length;
  return { ...files, ends, date: join(binFolder, 'date'), connections };
}

test('a write changes only what is not the same any more: a command that runs meanwhile misses nothing', async () => {
  const { folder, write, ends, use, date, connections } = await start();
  const before = statSync(join(folder, '1/comm')).ino;
  const lines = connections();
  ends.push('198.51.100.9:50000');
  use.clockAheadSeconds = 60;
  write();
  expect(connections()).toBe(lines + 1);
  expect(statSync(join(folder, '1/comm')).ino).toBe(before);
  expect(statSync(date).mode & 0o111).toBe(0o111);
});

test('what is gone is gone, and comes back', async () => {
  const { folder, write, use, date } = await start();
  Object.assign(use, { hidesProcesses: true, clockAheadSeconds: 60 });
  write();
  expect(existsSync(join(folder, '1'))).toBe(false);
  Object.assign(use, { hidesProcesses: false, clockAheadSeconds: 0 });
  write();
  expect(readFileSync(join(folder, '1/comm'), 'utf8')).toBe('systemd\n');
  expect(existsSync(date)).toBe(false);
});
