// What the page shows, kept true by events while it is seen: nothing is polled, and nothing runs while it is hidden.

import {
  type AuditEntry,
  type Container,
  createClient,
  type IdleVerdict,
  isApiError,
  type OnDemandClient,
  type OnDemandEvent,
  type VmReady,
  type Whoami,
} from '@ondemand/client';
import { apiUrl } from './served-settings.ts';
import type { Session } from './session.ts';

export interface Seen {
  readonly whoami?: Whoami;
  readonly ready?: VmReady;
  /** Since when it is in its phase, as this page has seen it. */
  readonly phaseSinceMs?: number;
  readonly ip?: string;
  readonly containers?: readonly Container[];
  readonly idle?: IdleVerdict;
  /** Known to admins alone. */
  readonly lastAction?: AuditEntry;
  readonly lastEvent?: Exclude<OnDemandEvent, { type: 'resync' }>;
  /** Why what is shown may be old. */
  readonly problem?: string;
  /** When the API was last heard. */
  readonly heardMs?: number;
}

export interface Live {
  readonly client: OnDemandClient;
  read(): Seen;
  /** Called at each change; gives what ends it. */
  listen(onChange: () => void): () => void;
  /** Reads the idle verdict anew, which no event tells of. */
  refreshIdle(): Promise<void>;
  /** Called with the reason when the token does not do: signing in again is all that helps. */
  onRefused(listener: (reason: string) => void): void;
  close(): void;
}

export function createLive(session: Session): Live {
  const client = createClient({ url: apiUrl, token: session.token });
  const listeners = new Set<() => void>();
  const refusals = new Set<(reason: string) => void>();
  let seen: Seen = {};
  let watching: AbortController | undefined;
  const coalesce = createCoalescer();

  const set = (change: Partial<Seen>) => {
    seen = { ...seen, ...change };
    for (const each of listeners) each();
  };
  const heard = (change: Partial<Seen> = {}) => {
    const { problem: _, ...before } = seen;
    // What was under way as the device went offline is no sign that it is back.
    seen = { ...before, ...(!navigator.onLine && { problem: offline }), heardMs: Date.now() };
    set(change);
  };
  const fail = (error: unknown) => {
    if (isApiError(error, 'ABORTED')) return;
    const problem = error instanceof Error ? error.message : String(error);
    set({ problem });
    if (seen.whoami === undefined ? !mayPass(error) : isApiError(error, 'UNAUTHORIZED'))
      for (const each of refusals) each(problem);
  };
  const mayRead = () => seen.whoami?.scopes.some((scope) => scope === 'read' || scope === 'admin');

  const onVisible = () => {
    if (document.hidden) stop();
    else start();
  };
  const onOnline = () => {
    stop();
    onVisible();
  };
  const closing = new AbortController();
  const untilClosed = { signal: closing.signal };
  document.addEventListener('visibilitychange', onVisible, untilClosed);
  window.addEventListener('online', onOnline, untilClosed);
  window.addEventListener('offline', () => set({ problem: offline }), untilClosed);
  onVisible();

  return {
    client,
    read: () => seen,
    listen(onChange) {
      listeners.add(onChange);
      return () => listeners.delete(onChange);
    },
    refreshIdle,
    onRefused(listener) {
      refusals.add(listener);
    },
    close() {
      stop();
      closing.abort();
    },
  };

  function stop(): void {
    watching?.abort();
    watching = undefined;
  }

  function start(): void {
    if (watching !== undefined) return;
    watching = new AbortController();
    const { signal } = watching;
    watch(signal).catch((error: unknown) => {
      fail(error);
      if (!signal.aborted) setTimeout(() => restart(signal), againMs);
    });
  }

  /** For what ended by itself, unless the page has been hidden since. */
  function restart(signal: AbortSignal): void {
    if (signal.aborted) return;
    stop();
    onVisible();
  }

  async function watch(signal: AbortSignal): Promise<void> {
    heard({ whoami: await client.whoami.query(undefined, { signal }) });
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    void refreshLastAction();
    try {
      await Promise.all([watchReady(both), mayRead() ? watchEvents(both) : undefined]);
    } finally {
      ended.abort();
    }
  }

  async function watchReady(signal: AbortSignal): Promise<void> {
    const readings = client.vm.watchReady.subscribe(
      { follow: true },
      { signal, onReconnect: ({ error }) => fail(error) },
    );
    let wasReady = false; // what was seen before the page was hidden may have changed
    for await (const ready of readings) {
      const isNew = ready.phase !== seen.ready?.phase;
      heard({ ready, ...(isNew && { phaseSinceMs: Date.now() }) });
      if (ready.ready && !wasReady) {
        void refreshContainers();
        void refreshIdle();
      }
      wasReady = ready.ready;
      if (!ready.ready && ready.phase === 'asleep') forgetUse();
    }
  }

  async function watchEvents(signal: AbortSignal): Promise<void> {
    const events = client.events.subscribe(
      {},
      { signal, onReconnect: ({ error }) => fail(error), onOpen: () => heard() },
    );
    for await (const event of events) {
      if (event.type !== 'resync') heard({ lastEvent: event });
      void refreshLastAction();
      if (event.type === 'container' || event.type === 'resync') void refreshContainers();
      if (event.type !== 'container' && event.type !== 'vm') void refreshIdle();
    }
  }

  function forgetUse(): void {
    const { idle: _, ip: __, ...before } = seen;
    seen = before;
    set({});
  }

  function refreshContainers(): Promise<void> {
    return coalesce('containers', async () => {
      if (!mayRead() || seen.ready?.ready !== true) return;
      // Together, so that no row moves when the links to its ports come.
      const [containers, address] = await Promise.all([
        client.containers.list.query(),
        seen.ip === undefined ? client.vm.status.query().catch(() => undefined) : undefined,
      ]);
      heard({ containers, ...(address?.ip !== undefined && { ip: address.ip }) });
    });
  }

  function refreshLastAction(): Promise<void> {
    return coalesce('audit', async () => {
      if (!seen.whoami?.scopes.includes('admin')) return;
      const entries = await client.audit.list.query({ limit: 10 });
      const lastAction = entries.find(({ outcome }) => outcome !== 'intent');
      if (lastAction !== undefined) heard({ lastAction });
    });
  }

  function refreshIdle(): Promise<void> {
    return coalesce('idle', async () => {
      if (seen.ready?.ready !== true) return;
      heard({ idle: await client.vm.idle.query() });
    });
  }

  /** One reading of a kind at a time, and one more where something happened meanwhile. */
  function createCoalescer() {
    const running = new Map<string, { again: boolean }>();
    return async (kind: string, read: () => Promise<void>): Promise<void> => {
      const current = running.get(kind);
      if (current !== undefined) {
        current.again = true;
        return;
      }
      const own = { again: true };
      running.set(kind, own);
      while (own.again && !document.hidden) {
        own.again = false;
        await read().catch(fail);
      }
      running.delete(kind);
    };
  }
}

/** Whether asking who is signed in may go better the next time. */
function mayPass(error: unknown): boolean {
  return isApiError(error) && passing.has(error.code);
}

const passing: ReadonlySet<string> = new Set([
  'NETWORK_ERROR',
  'TIMEOUT',
  'SERVICE_UNAVAILABLE',
  'TOO_MANY_REQUESTS',
  'INTERNAL_ERROR',
]);

const againMs = 5000;
const offline = 'This device is offline';
