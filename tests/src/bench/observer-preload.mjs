// Loaded before a program that the bench observes. At each SIGUSR2 it leaves a file: what the process holds, or where its time went since the signal before.
// Plain JavaScript, so that it runs from the sources too.

import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const { OBSERVED_FOLDER: folder, OBSERVED: what } = process.env;
const session = new Session();
let count = 0;

process.on('SIGUSR2', () => {
  if (what === 'memory') leave(readMemory());
  else restartProfile(leave);
});

function readMemory() {
  const memory = process.memoryUsage();
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return { ...memory, live: process.memoryUsage().heapUsed };
}

function restartProfile(take) {
  const start = () => session.post('Profiler.start', () => take(undefined));
  if (count > 0) {
    session.post('Profiler.stop', (_error, { profile }) => take(profile));
    return;
  }
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 500 }, start);
}

function leave(found) {
  const file = `${folder}/${process.pid}-${count}.json`;
  count += 1;
  writeFileSync(`${file}.part`, JSON.stringify(found ?? null));
  renameSync(`${file}.part`, file);
}
