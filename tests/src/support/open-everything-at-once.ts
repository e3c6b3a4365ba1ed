// All that three read tokens can ask for at once, and how soon /healthz answers meanwhile.

import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { run } from './run.ts';
import type { App } from './start-sandbox-and-api.ts';

/** In the environment and a label of the container that is read. */
export const plantedSecret = 'pl4nted-s3cret-value';

const readers = ['ann', 'bob', 'cid'] as const;

const paths = [
  ...Array.from({ length: 10 }, (_, n) => `/containers/big/logs?lines=${10_000 - n}`),
  ...Array.from({ length: 6 }, () => '/containers/big/inspect'),
  ...Array.from({ length: 10 }, () => '/containers/big/logs/stream?tail=all'),
  ...Array.from({ length: 20 }, () => '/events'),
  ...Array.from({ length: 10 }, (_, n) => `/jobs/20260101T000000Z-0000${1000 + n}`),
  ...Array.from({ length: 3 }, () => `/trpc/containers.logs?input={"name":"big","lines":10000}`),
];

/** Adds a container of hundreds of variables, as many labels, and a log of one megabyte, and reads it once, as anybody may. */
export async function prepareGreedyReads({ sandbox, get }: App): Promise<void> {
  const env = Array.from({ length: 500 }, (_, n) => `V${n}=value-${n}-${'x'.repeat(100)}`);
  sandbox.vm.engine.add({
    name: 'big',
    env: [...env, `TOKEN=${plantedSecret}`, 'ENABLE=true'],
    labels: {
      'traefik.enable': 'true',
      note: `runs with ${plantedSecret}`,
      ...Object.fromEntries(env.map((entry, n) => [`label-${n}`, entry])),
    },
  });
  sandbox.vm.engine.appendLog('big', 'stdout', `${'l'.repeat(1599)}\n`.repeat(625));
  for (const path of ['/vm/status', '/containers/big/inspect', '/containers/big/logs?lines=10000'])
    await (await get(path)).text();
}

export interface GreedyReaders extends Disposable {
  readonly tokens: readonly string[];
}

/** Every reader asks for all of it at once, and takes no byte of an answer; disposing ends that. */
export function startGreedyReads({ url, sandbox }: App): GreedyReaders {
  const tokens = readers.map((sub) => sandbox.oidc.sign({ sub, client_id: sub, scope: 'read' }));
  const sockets = paths.flatMap((path) =>
    tokens.map((token) => askWithoutReading(url, token, path)),
  );
  return {
    tokens,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function askWithoutReading(url: string, token: string, path: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.pause();
  const head = [
    `GET ${encodeURI(path)} HTTP/1.1`,
    'host: x',
    'accept: */*',
    `authorization: Bearer ${token}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  return socket;
}

/** The times of a hundred answers in milliseconds; asked from a process of its own, since this one is busy with the sandbox. */
export async function measureHealth({ url }: Pick<App, 'url'>): Promise<readonly number[]> {
  const script = fileURLToPath(new URL('./measure-health-latency.mjs', import.meta.url));
  const { exitCode, stdout, stderr } = await run([process.execPath, script, `${url}/healthz`]);
  if (exitCode !== 0) throw new Error(`/healthz could not be measured: ${stderr}`);
  return JSON.parse(stdout);
}

/** What one in a hundred is slower than. */
export function toP99(timesMs: readonly number[]): number {
  const sorted = [...timesMs].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
}
