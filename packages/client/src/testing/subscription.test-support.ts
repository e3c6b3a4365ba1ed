// A subscription with short timeouts, and checks of its requests, items and ends.

import { expect } from 'vitest';
import type { Reconnect, SubscribeOptions } from '../call-types.ts';
import type { ClientOptions } from '../options.ts';
import { createSubscribe, type ReconnectPolicy } from '../subscription/subscription.ts';
import { rejectionOf } from './rejection.test-support.ts';

export interface Follow {
  readonly input?: unknown;
  readonly client?: Omit<ClientOptions, 'url'>;
  readonly reconnectPolicy?: Partial<ReconnectPolicy>;
  readonly options?: SubscribeOptions;
}

const shortReconnectPolicy: ReconnectPolicy = {
  silenceMs: 20_000,
  firstPauseMs: 1,
  maxPauseMs: 5,
  giveUpAfterMs: 20_000,
  steadyMs: 20_000,
  now: () => performance.now(),
  random: () => 0,
};

/** Subscribes to `containers.followLogs`; what it lost on the way is in `reconnects`. */
export function follow(url: string, settings: Follow = {}) {
  const { input = { name: 'nginx' }, client, reconnectPolicy, options } = settings;
  const reconnects: Reconnect[] = [];
  const subscribe = createSubscribe(
    { ...client, url },
    { ...shortReconnectPolicy, ...reconnectPolicy },
  );
  const items = subscribe(
    { path: 'containers.followLogs', input },
    {
      ...options,
      onReconnect(reconnect) {
        reconnects.push(reconnect);
        options?.onReconnect?.(reconnect);
      },
    },
  );
  return { items, reconnects, codes: () => reconnects.map(({ error }) => error.code) };
}

export async function collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const collected: unknown[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** What the loop gave before it threw, and what it threw. */
export async function collectUntilError(items: AsyncIterable<unknown>) {
  const given: unknown[] = [];
  const error = await rejectionOf(
    (async () => {
      for await (const item of items) given.push(item);
    })(),
  );
  return { given, error };
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!condition()) {
    if (performance.now() > deadline) expect.fail(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What the URL of a request asks for. */
export function queryOf(url = ''): Readonly<Record<string, string>> {
  return Object.fromEntries(new URL(url, 'http://127.0.0.1').searchParams);
}
