// The Engine API's endpoints: what each takes and what it answers, nothing of HTTP itself.

import { pause } from './abortable-sleep.ts';
import { ApiError, noSuchContainer } from './api-error.ts';
import { isActive, randomHex, type SandboxContainer } from './container.ts';
import { type Events, toEventLine } from './events.ts';
import { parseContainerFilters, parseEventFilters } from './filters.ts';
import type { Lifecycle } from './lifecycle.ts';
import { readLog } from './logs/log-stream.ts';
import { millisToNanos, type NanoClock, type NanoTime, parseTime } from './logs/nano-time.ts';
import { type EngineVersion, toInfo, toVersion } from './views/to-info.ts';
import { toInspect } from './views/to-inspect.ts';
import { toListItem } from './views/to-list-item.ts';
import { toStats } from './views/to-stats.ts';

export interface ApiRequest {
  readonly query: URLSearchParams;
  /** The container's name, id or prefix in the path, decoded. */
  readonly reference: string;
  /** The version asked for, e.g. 41 for `/v1.41`; the engine's own without one. */
  readonly minorVersion: number;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string;
  readonly stream?: AsyncIterable<Uint8Array | string>;
  /** The stream consists of log frames. */
  readonly framed?: boolean;
}

export interface Route {
  /** e.g. `GET /containers/{id}/json`. */
  readonly name: string;
  readonly method: string;
  readonly pattern: RegExp;
  readonly handle: (request: ApiRequest) => Reply | Promise<Reply>;
}

export interface RoutesOptions {
  readonly containers: ReadonlyMap<string, SandboxContainer>;
  readonly lifecycle: Lifecycle;
  readonly events: Events;
  readonly clock: NanoClock;
  readonly sampleMs: () => number;
  readonly version: EngineVersion;
}

/** Every endpoint that the sandbox's engine has. */
export function createRoutes(options: RoutesOptions): readonly Route[] {
  const { containers, lifecycle, events, clock, version, sampleMs } = options;
  const find = (request: ApiRequest): SandboxContainer =>
    findContainer(containers.values(), request.reference);
  const done = (changed: boolean): Reply => ({ status: changed ? 204 : 304 });

  /** What was run inside containers: nothing, in truth; it ends as its container says. */
  const execs = new Map<string, SandboxContainer>();

  return [
    route('POST /containers/{id}/exec', (request) => {
      const container = find(request);
      if (container.status !== 'running')
        throw new ApiError(409, `Container ${container.id} is not running`);
      const Id = randomHex(32);
      execs.set(Id, container);
      return { status: 201, json: { Id } };
    }),
    route('POST /exec/{id}/start', ({ reference }) => {
      if (!execs.has(reference)) throw new ApiError(404, `No such exec instance: ${reference}`);
      return { status: 200, text: '' };
    }),
    route('GET /exec/{id}/json', ({ reference }) => {
      const end = execs.get(reference)?.execEnd;
      if (end === undefined) throw new ApiError(404, `No such exec instance: ${reference}`);
      const isRunning = end === 'hangs';
      return {
        status: 200,
        json: { ID: reference, Running: isRunning, ExitCode: isRunning ? null : end },
      };
    }),
    route('GET /_ping', () => ({ status: 200, headers: pingHeaders, text: 'OK' })),
    route('HEAD /_ping', () => ({ status: 200, headers: pingHeaders, text: '' })),
    route('GET /version', () => ({ status: 200, json: toVersion(version) })),
    route('GET /info', () => ({
      status: 200,
      json: toInfo([...containers.values()], { version, now: clock() }),
    })),
    route('GET /containers/json', ({ query }) => {
      const filters = parseContainerFilters(query.get('filters'));
      const limit = toInteger(query, 'limit') ?? 0;
      const all = toBoolean(query, 'all') || limit > 0 || filters.named.has('status');
      const now = clock();
      const size = toBoolean(query, 'size');
      const found = [...containers.values()]
        .filter((container) => (all || isActive(container.status)) && filters.accepts(container))
        .sort((a, b) => Number(b.createdAt - a.createdAt));
      const shown = limit > 0 ? found.slice(0, limit) : found;
      return { status: 200, json: shown.map((container) => toListItem(container, { now, size })) };
    }),
    route('GET /containers/{id}/json', (request) => ({
      status: 200,
      json: toInspect(find(request), { now: clock(), size: toBoolean(request.query, 'size') }),
    })),
    route('POST /containers/{id}/start', async (request) =>
      done(await lifecycle.start(find(request))),
    ),
    route('POST /containers/{id}/stop', async (request) =>
      done(await lifecycle.stop(find(request), toStopOptions(request.query))),
    ),
    route('POST /containers/{id}/restart', async (request) => {
      await lifecycle.restart(find(request), toStopOptions(request.query));
      return { status: 204 };
    }),
    route('POST /containers/{id}/kill', async (request) => {
      await lifecycle.kill(find(request), request.query.get('signal') || 'SIGKILL');
      return { status: 204 };
    }),
    route('POST /containers/{id}/pause', (request) => {
      lifecycle.pause(find(request));
      return { status: 204 };
    }),
    route('POST /containers/{id}/unpause', (request) => {
      lifecycle.unpause(find(request));
      return { status: 204 };
    }),
    route('POST /containers/{id}/rename', (request) => {
      lifecycle.rename(find(request), request.query.get('name') ?? '');
      return { status: 204 };
    }),
    route('DELETE /containers/{id}', (request) => {
      lifecycle.remove(find(request), { force: toBoolean(request.query, 'force') });
      return { status: 204 };
    }),
    route('GET /containers/{id}/logs', (request) => toLogs(request, find)),
    route('GET /containers/{id}/stats', (request) =>
      statsReply(find(request), request, { clock, sampleMs: sampleMs() }),
    ),
    route('GET /containers/{id}/top', (request) => toTop(find(request))),
    route('GET /events', ({ query, signal }) => {
      const since = toTime(query, 'since');
      const until = toTime(query, 'until');
      const accepts = parseEventFilters(query.get('filters'));
      const found = events.read({ since, until, accepts }, signal);
      return { status: 200, headers: { 'Content-Type': 'application/json' }, stream: lines(found) };
    }),
  ];
}

/** By full id, name with or without its slash, or a prefix of the id. Throws `ApiError` for none and for several. */
export function findContainer(
  containers: Iterable<SandboxContainer>,
  reference: string,
): SandboxContainer {
  const all = [...containers];
  const name = reference.replace(/^\//, '');
  const exact =
    all.find((container) => container.id === reference) ??
    all.find((container) => container.name === name);
  if (exact !== undefined) return exact;
  const [prefixed, second] = /^[0-9a-f]+$/.test(reference)
    ? all.filter((container) => container.id.startsWith(reference))
    : [];
  if (prefixed === undefined) throw noSuchContainer(reference);
  if (second !== undefined) {
    throw new ApiError(400, `multiple IDs found with provided prefix: ${reference}`);
  }
  return prefixed;
}

const pingHeaders = {
  'Cache-Control': 'no-cache, no-store, must-revalidate',
  Pragma: 'no-cache',
  'Content-Type': 'text/plain; charset=utf-8',
};

function route(name: string, handle: Route['handle']): Route {
  const [method = '', path = ''] = name.split(' ');
  return { name, method, pattern: new RegExp(`^${path.replace('{id}', '([^/]+)')}$`), handle };
}

function toLogs(request: ApiRequest, find: (request: ApiRequest) => SandboxContainer): Reply {
  const { query, signal, minorVersion } = request;
  const stdout = toBoolean(query, 'stdout');
  const stderr = toBoolean(query, 'stderr');
  if (!stdout && !stderr) {
    throw new ApiError(400, 'Bad parameters: you must choose at least one stream');
  }
  const container = find(request);
  const framed = !container.spec.tty;
  const tail = query.get('tail') ?? '';
  const until = toTime(query, 'until');
  const wanted = {
    stdout,
    stderr,
    timestamps: toBoolean(query, 'timestamps'),
    follow: toBoolean(query, 'follow'),
    tail: /^\d+$/.test(tail) ? Number(tail) : undefined,
    since: toTime(query, 'since') || undefined,
    until: until === 0n ? undefined : until,
  };
  const running = isActive(container.status);
  return {
    status: 200,
    headers: {
      'Content-Type':
        framed && minorVersion >= 42
          ? 'application/vnd.docker.multiplexed-stream'
          : 'application/vnd.docker.raw-stream',
    },
    stream: readLog(container.log, wanted, { framed, running, signal }),
    framed,
  };
}

async function statsReply(
  container: SandboxContainer,
  { query, signal }: ApiRequest,
  { clock, sampleMs }: { readonly clock: NanoClock; readonly sampleMs: number },
): Promise<Reply> {
  const second = millisToNanos(1_000);
  if (query.has('stream') && !toBoolean(query, 'stream')) {
    const oneShot = toBoolean(query, 'one-shot');
    if (!oneShot) await pause(sampleMs, signal);
    const now = clock();
    const before = oneShot ? undefined : now - second;
    return { status: 200, json: toStats(container, { now, before }) };
  }
  async function* samples(): AsyncGenerator<string> {
    let before: NanoTime | undefined;
    while (!signal.aborted) {
      const now = clock();
      yield `${JSON.stringify(toStats(container, { now, before }))}\n`;
      before = now;
      await pause(sampleMs, signal);
    }
  }
  return { status: 200, headers: { 'Content-Type': 'application/json' }, stream: samples() };
}

function toTop(container: SandboxContainer): Reply {
  if (!isActive(container.status)) {
    throw new ApiError(409, `container ${container.id} is not running`);
  }
  const command = [...container.spec.entrypoint, ...container.spec.command].join(' ');
  const process = ['root', String(container.pid), '1', '0', '07:47', '?', '00:00:00', command];
  return {
    status: 200,
    json: {
      Titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'],
      Processes: [process],
    },
  };
}

async function* lines(events: AsyncIterable<Parameters<typeof toEventLine>[0]>) {
  for await (const event of events) yield toEventLine(event);
}

/** dockerd's reading of a boolean: anything but these is true. */
function toBoolean(query: URLSearchParams, name: string): boolean {
  return !['', '0', 'no', 'false', 'none'].includes((query.get(name) ?? '').trim().toLowerCase());
}

function toInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) {
    throw new ApiError(400, `strconv.Atoi: parsing "${text}": invalid syntax`);
  }
  return Number(text);
}

function toTime(query: URLSearchParams, name: string): NanoTime | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  const time = parseTime(text);
  if (time === undefined) throw new ApiError(400, `invalid value for "${name}": ${text}`);
  return time;
}

function toStopOptions(query: URLSearchParams): { timeoutSeconds?: number; signal?: string } {
  const timeoutSeconds = toInteger(query, 't');
  const signal = query.get('signal') || undefined;
  return {
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    ...(signal !== undefined && { signal }),
  };
}
