// What tests left: files in the folder that was theirs, and processes that still live with it. Programs of others
// (dockerd, docker-compose) have a folder of their own below it, which goes with the world that they ran in.

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Node's own cache of compiled code, which is meant to stay. */
const kept = new Set(['node-compile-cache']);

/** Resolves with a name for each; empty when all is gone, or gone within `timeoutMs`. Knows of processes on Linux only. */
export async function findLeftBehind(folder, { timeoutMs = 5_000 } = {}) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const left = [...(await listProcesses(folder)), ...(await listFiles(folder))];
    if (left.length === 0 || Date.now() >= deadline) return left;
    await delay(100);
  }
}

async function listFiles(folder) {
  const names = await readdir(folder);
  return names.filter((name) => !kept.has(name)).map((name) => `folder or file ${name}`);
}

async function listProcesses(folder) {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readProc(pid, 'environ');
      if (!environment.some((pair) => pair.startsWith(`TMPDIR=${folder}`))) return [];
      const argv = (await readProc(pid, 'cmdline')).filter(Boolean);
      return argv.length === 0 ? [] : [`process ${pid} (${argv.join(' ').slice(0, 120)})`];
    }),
  );
  return found.flat();
}

/** Empty for a process that is gone, or somebody else's. */
async function readProc(pid, name) {
  const text = await readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  return text.split('\0');
}
