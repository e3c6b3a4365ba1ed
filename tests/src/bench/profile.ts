// What stands in the way of the targets that are missed: where an answer's CPU goes, what the memory is, and what the parts of a read take.

import type { RealVm } from '../real-engine/start-real-vm.ts';
import { createHttpClient, createRestClient } from '../support/http-client.ts';
import { run } from '../support/run.ts';
import { startApp } from '../support/start-sandbox-and-api.ts';
import { type CpuProfile, toGroups } from './cpu-profile-groups.ts';
import { measureLoad } from './generate-load.ts';
import { measureLatencies } from './latency-percentiles.ts';
import { type Row, type Section, toMb, toMs, toText } from './report.ts';
import { serverEnv, startBenchApp } from './server-env.ts';
import { startForward } from './ssh-socket-forward.ts';
import { startBareFastify } from './start-bare-fastify.ts';
import { createObserver } from './start-observed-program.ts';

const requests = 10_000;

export async function measureProfile(vm: RealVm): Promise<readonly Section[]> {
  return [
    await measureCpu(vm, '/containers'),
    await measureCpu(vm, '/vm/status'),
    await measureHolding(vm),
    await measureReadParts(vm),
  ];
}

async function measureCpu(vm: RealVm, path: string): Promise<Section> {
  await using observer = await createObserver('cpu');
  await using app = await startApp({ env: { ...vm.env, ...serverEnv, ...observer.env } });
  await using twin = await startBareFastify(app, [path], observer.env);
  const profile = async (url: string, pid: number) => {
    const load = (count: number) =>
      measureLoad({
        ...{ url, pid, path, token: app.tokens.read, connections: 64 },
        length: { requests: count },
      });
    await load(requests / 5); // to warm up
    await observer.take(pid);
    const { cpuMs } = await load(requests);
    return { cpuMs, groups: toGroups(await observer.take<CpuProfile>(pid)) };
  };
  const bare = await profile(twin.url, twin.pid);
  const ours = await profile(app.url, app.server.pid);
  const names = new Set([...ours.groups.keys(), ...bare.groups.keys()]);
  const sum = (groups: ReadonlyMap<string, number>) => [...groups.values()].reduce((a, b) => a + b);
  const toAnswer = (ms = 0) => ms / requests;
  const rows = [...names]
    .map((name) => ({ name, ms: ours.groups.get(name), bareMs: bare.groups.get(name) }))
    .sort((a, b) => (b.ms ?? 0) - (a.ms ?? 0))
    .filter(({ ms = 0, bareMs = 0 }) => Math.max(ms, bareMs) >= sum(ours.groups) / 200)
    .map(({ name, ms, bareMs }) => ({
      what: name,
      measured: `${toMs(toAnswer(ms))}, bare ${toMs(toAnswer(bareMs))}`,
      ratio: `${toText(((ms ?? 0) / sum(ours.groups)) * 100)} % of ours`,
    }));
  return {
    title: `What stands in the way: the CPU of an answer to \`GET ${path}\``,
    about: `Self time for each of ${toText(requests)} answers at 64 connections under V8's profiler, by whose code it is; groups below half a percent are left out.`,
    rows: [
      ...rows,
      toTotal(
        'all groups, in the main thread',
        toAnswer(sum(ours.groups)),
        toAnswer(sum(bare.groups)),
      ),
      toTotal('the process, all threads, profiler included', ours.cpuMs, bare.cpuMs),
    ],
  };
}

function toTotal(what: string, ms: number, bareMs: number): Row {
  return {
    what,
    measured: `${toMs(ms)}, bare ${toMs(bareMs)}`,
    ratio: `${toText(ms / bareMs)}× bare`,
  };
}

interface Holding extends NodeJS.MemoryUsage {
  /** Of the heap, after a collection. */
  readonly live: number;
}

async function measureHolding(vm: RealVm): Promise<Section> {
  await using observer = await createObserver('memory');
  await using app = await startApp({ env: { ...vm.env, ...serverEnv, ...observer.env } });
  await using twin = await startBareFastify(app, [], observer.env);
  const rows: Row[] = [];
  const print = 'process.stdout.write(String(process.memoryUsage().rss))';
  const { stdout } = await run([process.execPath, '-e', print]);
  rows.push({ what: 'a Node that does nothing', measured: toMb(Number(stdout)) });
  const observe = async (what: string, pid = app.server.pid) => {
    const { rss, heapUsed, heapTotal, live } = await observer.take<Holding>(pid);
    rows.push({
      what,
      measured: `${toMb(rss)}; heap ${toMb(heapTotal)}, of it used ${toMb(heapUsed)}`,
      ratio: `live ${toMb(live)}`,
    });
  };
  await observe('the bare twin, before its first request', twin.pid);
  await observe('the server, before its first request');
  await app.getJson('/vm/status');
  await observe('after `GET /vm/status`, which loads the SDK of OCI');
  await app.getJson('/containers');
  await observe('after `GET /containers`, which connects by SSH');
  const { url, server, tokens } = app;
  for (const count of [requests / 10, requests, 2 * requests]) {
    await measureLoad({
      ...{ url, pid: server.pid, token: tokens.read, path: '/containers', connections: 64 },
      length: { requests: count },
    });
    await observe(`after ${toText(count)} requests more`);
  }
  return {
    title: 'What stands in the way: memory',
    about:
      'Resident in all; then of V8: what it has taken for its heap, what of that is in use, and what is left in use by a full collection, which each row ends in, so that the next begins from less than it would by itself.',
    rows,
  };
}

async function measureReadParts(vm: RealVm): Promise<Section> {
  await using app = await startBenchApp(vm);
  await using forward = await startForward(vm);
  using engine = createHttpClient({ target: { socketPath: vm.dockerSocket } });
  using forwarded = createHttpClient({ target: { socketPath: forward.socketPath } });
  using rest = createRestClient(app.url, app.tokens.read);
  const list = '/containers/json?all=1';
  const one = '/containers/service-000/json';
  const ways = [
    { name: "the Engine's own unix socket", call: () => engine.get(list) },
    { name: 'the same through `ssh -L`, which stays connected', call: () => forwarded.get(list) },
    { name: '`GET /healthz`: HTTP alone', call: () => rest.get('/healthz') },
    { name: '`GET /whoami`: HTTP, token and tRPC', call: () => rest.get('/whoami') },
    { name: '`GET /containers`: all of it', call: () => rest.get('/containers') },
    { name: "one container's inspection by the Engine's own socket", call: () => engine.get(one) },
    {
      name: '`GET /containers/{name}/inspect`: the two reads that go before an action',
      call: () => rest.get('/containers/service-000/inspect'),
    },
  ];
  const quick = await measureLatencies(ways, { rounds: 15, callsARound: 20, warmUpCalls: 100 });
  const login = { name: '`ssh host true`: a login', call: () => vm.ssh('true') };
  const logins = await measureLatencies([login], { rounds: 10, callsARound: 1, warmUpCalls: 1 });
  const [socket] = quick;
  return {
    title: 'What stands in the way: the parts of a read',
    about: '20 containers, one call at a time, the ways in turns; p50.',
    rows: [...ways, login].map(({ name }, index) => {
      const { p50Ms } = [...quick, ...logins][index] ?? { p50Ms: Number.NaN };
      return {
        what: name,
        measured: toMs(p50Ms),
        ratio: `${toText(p50Ms / (socket?.p50Ms ?? Number.NaN))}×`,
      };
    }),
  };
}
