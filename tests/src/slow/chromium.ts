// A real browser without a window, told what to do over a pipe: https://chromedevtools.github.io/devtools-protocol/

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { until } from '../support/until.ts';

const program = '/usr/bin/chromium';

/** A text says why there is none. */
export function findChromium(): { readonly program: string } | string {
  return existsSync(program)
    ? { program }
    : 'chromium is not installed (Debian: apt-get install chromium)';
}

export interface Page {
  /** Resolves once the page has loaded. */
  open(url: string): Promise<void>;
  /** The value of a JavaScript expression there; a promise is awaited. */
  evaluate<T>(expression: string): Promise<T>;
  /** What it wrote to its console and what its policy refused. */
  readonly complaints: readonly string[];
}

export interface Browser extends AsyncDisposable {
  newPage(): Promise<Page>;
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
  readonly params?: Record<string, unknown>;
}

export async function startChromium(): Promise<Browser> {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-chromium-'));
  const child = spawn(
    program,
    [
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      ...['--no-first-run', '--disable-background-networking', '--disable-component-update'],
      ...[`--user-data-dir=${folder}`, '--remote-debugging-pipe', 'about:blank'],
    ],
    {
      env: {
        ...process.env,
        HOME: folder,
        TMPDIR: folder,
        XDG_CONFIG_HOME: folder,
        XDG_CACHE_HOME: folder,
      },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
      detached: true, // a group of its own, with all its helpers
    },
  );
  const [, , , requests, answers] = child.stdio as unknown as [
    null,
    null,
    null,
    Writable,
    Readable,
  ]; // as `stdio` above has them
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  requests.on('error', () => {}); // it has ended
  const waiting = new Map<number, (answer: Answer) => void>();
  const listeners = new Set<(answer: Answer) => void>();
  let buffered = '';
  answers.setEncoding('utf8').on('data', (text: string) => {
    const parts = (buffered + text).split('\0');
    buffered = parts.pop() ?? '';
    for (const part of parts) {
      const answer = JSON.parse(part) as Answer;
      if (answer.id === undefined) for (const each of listeners) each(answer);
      else waiting.get(answer.id)?.(answer);
    }
  });
  let last = 0;

  return {
    async newPage() {
      const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
      const attached = await send('Target.attachToTarget', { targetId, flatten: true });
      const sessionId = String(attached.sessionId);
      const complaints: string[] = [];
      let loads = 0;
      listeners.add(({ sessionId: of, method, params }) => {
        if (of !== sessionId) return;
        if (method === 'Page.loadEventFired') loads += 1;
        if (method === 'Log.entryAdded') complaints.push(JSON.stringify(params));
      });
      for (const domain of ['Page', 'Log', 'Runtime'])
        await send(`${domain}.enable`, {}, sessionId);
      return {
        complaints,
        async open(url) {
          const before = loads;
          await send('Page.navigate', { url }, sessionId);
          await until(`${url} to load`, () => loads > before);
        },
        async evaluate<T>(expression: string) {
          const options = { expression, awaitPromise: true, returnByValue: true };
          const { result } = await send('Runtime.evaluate', options, sessionId);
          return (result as { value: T }).value; // the caller names what it asked for
        },
      };
    },
    async [Symbol.asyncDispose]() {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };

  function send(
    method: string,
    params: Record<string, unknown>,
    sessionId?: string,
  ): Promise<Record<string, unknown>> {
    last += 1;
    const id = last;
    return new Promise((resolve, reject) => {
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id);
        if (result === undefined) reject(new Error(`${method}: ${error?.message}`));
        else resolve(result);
      });
      requests.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }
}
