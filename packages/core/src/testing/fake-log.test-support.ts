// A container with a log that grows, on the fake engine: served as Docker serves it, with a hand on its connections.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FakeEngine, sendJson, startFakeEngine } from './fake-engine.test-support.ts';
import { toFrame, toStamp } from './log-frames.test-support.ts';

export interface FakeEntry {
  readonly stream: 1 | 2;
  readonly nanos: number;
  readonly text: string;
}

export interface FakeLog extends AsyncDisposable {
  readonly engine: FakeEngine;
  readonly entries: FakeEntry[];
  id: string;
  name: string;
  state: 'running' | 'exited' | 'removing' | 'gone';
  /** Its log is not there any more, whatever its state is said to be. */
  isLogGone: boolean;
  /** As the list says it of a container that does not run. */
  status: string;
  tty: boolean;
  /**
   * Podman's ways: stamps of whole seconds in the VM's zone, `since` exclusive (by its own nanoseconds, or by the second at worst),
   * and the whole log of a container that does not run any more is cut short for who follows.
   */
  podman: 'nanos' | 'seconds' | undefined;
  /** After so many bytes of the next answer its connection is cut, once. */
  cutAfterBytes: number | undefined;
  /** Answers to `logs` that are open now. */
  readonly followers: ReadonlySet<ServerResponse>;
  /** The queries of all `logs`, in order. */
  readonly queries: URLSearchParams[];
  /** One millisecond after the entry before, or at `nanos`. */
  write(text: string, options?: { stream?: 1 | 2; nanos?: number }): void;
  /** What the log holds, without telling those who follow: they were too slow. */
  writeUnseen(text: string, options?: { stream?: 1 | 2; nanos?: number }): void;
  /** Ends what follows, as the engine does. */
  stop(): void;
  start(): void;
  /** Cuts every answer that is open. */
  cut(): void;
}

/** Of the fixed moment that `toStamp` counts from. */
export const epochSeconds = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;

export async function startFakeLog(): Promise<FakeLog> {
  const followers = new Set<ServerResponse>();
  const engine = await startFakeEngine(respond);
  const log: FakeLog = {
    engine,
    entries: [],
    id: 'c0ffee'.repeat(10),
    name: 'web',
    state: 'running',
    isLogGone: false,
    status: 'Exited (0) 2 hours ago',
    tty: false,
    podman: undefined,
    cutAfterBytes: undefined,
    followers,
    queries: [],
    write(text, options) {
      log.writeUnseen(text, options);
      const entry = log.entries.at(-1);
      if (entry !== undefined) for (const each of followers) send(each, [entry]);
    },
    writeUnseen(text, { stream = 1, nanos } = {}) {
      const last = log.entries.at(-1)?.nanos ?? 0;
      log.entries.push({ stream, nanos: nanos ?? last + 1_000_000, text });
    },
    stop() {
      log.state = 'exited';
      for (const each of followers) each.end();
      followers.clear();
    },
    start() {
      log.state = 'running';
    },
    cut() {
      for (const each of followers) each.socket?.destroy();
      followers.clear();
    },
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
  return log;

  function respond(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(`http://docker${request.url}`);
    const isGone = log.state === 'gone';
    if (url.pathname.endsWith('/containers/json')) {
      sendJson(response, 200, isGone ? [] : [toSummary()]);
    } else if (isGone || !url.pathname.includes(`/containers/${log.id}/`)) {
      sendJson(response, 404, { message: 'No such container' });
    } else if (url.pathname.endsWith('/logs') && (log.isLogGone || log.state === 'removing')) {
      const message = 'can not get logs from container which is dead or marked for removal';
      sendJson(response, 409, { message });
    } else if (url.pathname.endsWith('/logs')) {
      sendLog(response, url.searchParams);
    } else {
      sendJson(response, 200, toInspection());
    }
  }

  function sendLog(response: ServerResponse, query: URLSearchParams): void {
    log.queries.push(query);
    response.writeHead(200);
    response.flushHeaders();
    const isCut = log.cutAfterBytes !== undefined;
    const entries = select(query);
    const isCutShort = log.podman && query.get('follow') === '1' && log.state === 'exited';
    send(response, isCutShort ? entries.slice(0, entries.length / 2) : entries);
    if (isCut) return;
    if (query.get('follow') !== '1' || log.state !== 'running') {
      response.end();
      return;
    }
    followers.add(response);
    response.on('close', () => followers.delete(response));
  }

  function select(query: URLSearchParams): readonly FakeEntry[] {
    const [seconds = 0, nanos = 0] = (query.get('since') ?? '0.0').split('.').map(Number);
    const sinceNanos = (seconds - epochSeconds) * 1e9 + nanos;
    const tail = query.get('tail');
    const entries =
      tail === 'all' ? log.entries : log.entries.slice(log.entries.length - Number(tail));
    if (log.podman === undefined) return entries.filter((entry) => entry.nanos >= sinceNanos);
    const unit = log.podman === 'nanos' ? 1 : 1e9;
    return entries.filter((entry) => Math.floor(entry.nanos / unit) * unit > sinceNanos);
  }

  function send(response: ServerResponse, entries: readonly FakeEntry[]): void {
    const bytes = Buffer.concat(
      entries.map(({ stream, nanos, text }) => {
        const stamp = log.podman ? toStamp(nanos).replace(/\.\d+Z$/, '+00:00') : toStamp(nanos);
        const entry = `${stamp} ${text}`;
        return log.tty ? Buffer.from(entry) : toFrame(stream, entry);
      }),
    );
    if (bytes.length === 0) return;
    const { cutAfterBytes } = log;
    log.cutAfterBytes = undefined;
    response.write(bytes.subarray(0, cutAfterBytes), () => {
      if (cutAfterBytes !== undefined) response.socket?.destroy();
    });
  }

  function toSummary() {
    const { id, name, state, status } = log;
    const isRunning = state === 'running';
    return { Id: id, Names: [`/${name}`], State: state, Status: isRunning ? 'Up 1 hour' : status };
  }

  function toInspection() {
    return {
      Id: log.id,
      Name: `/${log.name}`,
      State: { Status: log.state, Running: log.state === 'running' },
      Config: { Tty: log.tty },
    };
  }
}
