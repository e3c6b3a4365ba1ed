// What the server holds in memory: idle, after many requests, and while it gives big logs.

import { setTimeout as sleep } from 'node:timers/promises';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { readResidentBytes } from '../support/memory.ts';
import type { AppProcess } from '../support/start-sandbox-and-api.ts';
import { measureLoad } from './generate-load.ts';
import { measureLogMemory } from './log-memory.ts';
import { atMost, type Section, toMb, toText } from './report.ts';
import { startBenchApp } from './server-env.ts';

const requests = 100_000;
const settleMs = 3_000;

export async function measureMemory(vm: RealVm): Promise<Section> {
  const { idle, tenth, after } = await measureLoadMemory(vm);
  const logs = await measureLogMemory(vm);
  const growth = after / idle - 1;
  const logGrowthMb = (logs.peakBytes - logs.beforeBytes) / 1e6;
  return {
    title: 'Memory',
    about: `Resident, ${settleMs / 1000} s after the last answer: of a server that answered \`GET /containers\` once, then after ${toText(requests)} of them at 64 connections; then the peak while logs of ten thousand lines of a kilobyte are read, one after the other.`,
    rows: [
      { what: 'idle', measured: toMb(idle), ratio: '1', target: atMost(95, idle / 1e6, ' MB') },
      {
        what: `after ${toText(requests / 10)} requests`,
        measured: toMb(tenth),
        ratio: `${toText(tenth / idle)}× idle`,
      },
      {
        what: `after ${toText(requests)} requests`,
        measured: toMb(after),
        ratio: `${toText(after / idle)}× idle, ${toText(after / tenth)}× that after a tenth`,
        target: { text: 'grows by ≤ 10 %', met: growth <= 0.1 },
      },
      {
        what: `${toText(logs.bytes / 1e6)} MB of logs in ${logs.reads} answers: growth of the peak`,
        measured: `${toText(logGrowthMb)} MB, from ${toMb(logs.beforeBytes)}`,
        target: atMost(60, logGrowthMb, ' MB'),
      },
    ],
  };
}

async function measureLoadMemory(vm: RealVm) {
  await using app = await startBenchApp(vm);
  await app.getJson('/containers');
  const idle = await settle(app);
  await load(app, requests / 10);
  const tenth = await settle(app);
  await load(app, (requests / 10) * 9);
  return { idle, tenth, after: await settle(app) };
}

async function settle({ server }: AppProcess): Promise<number> {
  await sleep(settleMs);
  return readResidentBytes(server.pid);
}

async function load({ url, server, tokens }: AppProcess, count: number): Promise<void> {
  await measureLoad({
    ...{ url, pid: server.pid, token: tokens.read, path: '/containers' },
    ...{ connections: 64, length: { requests: count } },
  });
}
