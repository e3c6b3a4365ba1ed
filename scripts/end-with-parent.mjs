// npm and pnpm die of a signal without a word to what they started: whoever stops `npx … start` means all of it.

import { readFileSync } from 'node:fs';

const intervalMs = 500;

/** Calls back once when one of the package managers that started this process has gone, by the parent that it then lacks; only Linux tells. Gives a function that ends the watch. */
export function onLauncherGone(callback) {
  const chain = findChain();
  const isWhole = () => chain.every(({ pid, parent }) => readProcess(pid)?.parent === parent);
  const timer = setInterval(() => {
    if (isWhole()) return;
    clearInterval(timer);
    callback();
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** This process and its ancestors, up to the one that the first package manager started. */
function findChain() {
  const chain = [];
  let pid = process.pid;
  for (let found = readProcess(pid); found !== undefined; found = readProcess(pid)) {
    chain.push({ pid, ...found });
    pid = found.parent;
  }
  return chain.slice(0, Math.max(0, chain.findLastIndex(isPackageManager)));
}

function isPackageManager({ command: [program = '', script = ''] }) {
  return /^(?:npm|npx|pnpm)\b/.test(program) || /\/(?:npm|npx|pnpm)[^/]*$/.test(script);
}

function readProcess(pid) {
  try {
    // After the name, which may hold anything: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    const [, parent] = /.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return { parent: Number(parent), command };
  } catch {
    return undefined;
  }
}
