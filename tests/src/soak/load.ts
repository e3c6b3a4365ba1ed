// The steady load of a soak: readers, streams that are opened again when they end, and now and then an action.

import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from '../support/start-sandbox-and-api.ts';

export interface SoakLoad extends AsyncDisposable {
  /** How many answers there were, by path and status: `GET /containers 200`. */
  readonly answers: ReadonlyMap<string, number>;
  /** What must never be answered, whatever is broken, with its body. */
  readonly wrong: readonly string[];
}

const reads = [
  '/containers',
  '/vm/status',
  '/containers/nginx/status',
  '/containers/nginx/logs?lines=200',
  '/containers/nginx/inspect',
  '/containers/nginx/stats',
  '/vm/ready',
  '/vm/idle',
  '/jobs',
  '/whoami',
] as const;
const streams = ['/events', '/containers/nginx/logs/stream?tail=10', '/vm/ready/stream'] as const;
const actions = ['/containers/nginx/restart', '/containers/nginx/rebuild'] as const;

const readers = 5;
const streamsOfEach = 3;
const readPauseMs = 40;
const streamPauseMs = 500;
const actionPauseMs = 8_000;

/** A failure of the VM or OCI is 503, of Docker itself 500; a rebuild that another one is in the way of 409. Nothing else may come, and none may hang. */
const allowed = new Set([200, 202, 409, 500, 503]);
const longestMs = 120_000;

export function startSoakLoad(app: App): SoakLoad {
  const ending = new AbortController();
  const answers = new Map<string, number>();
  const wrong: string[] = [];

  const ask = async (method: string, path: string, isStream = false): Promise<void> => {
    const line = `${method} ${path}`;
    const late = AbortSignal.timeout(longestMs);
    try {
      const signal = isStream ? ending.signal : AbortSignal.any([ending.signal, late]);
      const response = await app.request(method, path, {
        signal,
        token: method === 'GET' ? 'read' : 'admin',
      });
      const text = isStream && response.ok ? await drain(response) : await response.text();
      const key = `${line} ${response.status}`;
      answers.set(key, (answers.get(key) ?? 0) + 1);
      const isBug = response.status === 500 && !text.includes('Docker');
      if (!allowed.has(response.status) || isBug) wrong.push(`${key}: ${text.slice(0, 300)}`);
    } catch (error) {
      if (ending.signal.aborted) return;
      // A stream that breaks is opened again, as each client does.
      if (!isStream) wrong.push(`${line}: ${late.aborted ? 'no answer' : error}`);
    }
  };
  const repeat = async (pauseMs: number, work: (count: number) => Promise<void>): Promise<void> => {
    for (let count = 0; !ending.signal.aborted; count += 1) {
      await work(count);
      await sleep(pauseMs, undefined, { signal: ending.signal }).catch(() => {});
    }
  };
  const at = (paths: readonly string[], count: number) => paths[count % paths.length] ?? '/';
  const loops = [
    ...Array.from({ length: readers }, (_, reader) =>
      repeat(readPauseMs, (count) => ask('GET', at(reads, count + reader))),
    ),
    ...streams.flatMap((path) =>
      Array.from({ length: streamsOfEach }, () =>
        repeat(streamPauseMs, () => ask('GET', path, true)),
      ),
    ),
    repeat(actionPauseMs, (count) => ask('POST', at(actions, count))),
  ];
  return {
    answers,
    wrong,
    async [Symbol.asyncDispose]() {
      ending.abort();
      await Promise.all(loops);
    },
  };
}

async function drain({ body }: Response): Promise<string> {
  for await (const _ of body ?? []);
  return '';
}
