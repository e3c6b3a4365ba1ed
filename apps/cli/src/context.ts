// What a command may use: the API, the terminal and the user's wish to stop.

import type { OnDemandClient } from '@ondemand/client';
import type { Output, Streams } from './output/output.ts';
import { type Environment, parseSettings } from './settings.ts';

export interface Context {
  readonly output: Output;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** The API's client; throws when the URL or the token is missing or malformed. */
  connect(): Promise<OnDemandClient>;
  /** Whether there is a terminal to ask in. */
  readonly canConfirm: boolean;
  /** Returns only when the user agrees; never call it where `canConfirm` is false. */
  confirm(text: string): Promise<void>;
}

export interface ContextOptions {
  readonly streams: Streams;
  readonly env: Environment;
  readonly url: string | undefined;
  readonly output: Output;
  readonly signal: AbortSignal;
}

export function createContext({ streams, env, url, output, signal }: ContextOptions): Context {
  return {
    output,
    signal,
    async connect() {
      const settings = parseSettings(env, url);
      const { createClient } = await import('@ondemand/client'); // late, so that help and usage errors come at once
      return createClient(settings);
    },
    canConfirm: streams.stdin.isTTY === true && streams.stderr.isTTY === true,
    async confirm(text) {
      const { confirm } = await import('./output/confirm.ts');
      await confirm({ text, streams, signal });
    },
  };
}
