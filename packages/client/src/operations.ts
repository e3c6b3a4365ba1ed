// What there is to call, by name. The compiler holds it against the router: one that is missing, or of another kind, does not compile.

import type { AppRouter } from '@ondemand/server';
import type { AnyTRPCMutationProcedure, AnyTRPCQueryProcedure } from '@trpc/server';

export type OperationKind = 'query' | 'mutate' | 'subscribe';

export interface Operations {
  readonly [name: string]: OperationKind | Operations;
}

type KindsOf<Node> = Node extends AnyTRPCQueryProcedure
  ? 'query'
  : Node extends AnyTRPCMutationProcedure
    ? 'mutate'
    : Node extends { readonly _def: unknown }
      ? 'subscribe'
      : { readonly [Name in keyof Node]: KindsOf<Node[Name]> };

export const operations = {
  vm: {
    status: 'query',
    start: 'mutate',
    stop: 'mutate',
    reboot: 'mutate',
    reset: 'mutate',
    ready: 'query',
    watchReady: 'subscribe',
    wake: 'mutate',
    console: 'query',
    address: 'query',
    idle: 'query',
    takeLease: 'mutate',
    releaseLease: 'mutate',
  },
  containers: {
    list: 'query',
    status: 'query',
    start: 'mutate',
    stop: 'mutate',
    restart: 'mutate',
    rebuild: 'mutate',
    logs: 'query',
    followLogs: 'subscribe',
    inspect: 'query',
    stats: 'query',
  },
  jobs: { list: 'query', get: 'query', cancel: 'mutate', output: 'subscribe' },
  events: 'subscribe',
  whoami: 'query',
  audit: { list: 'query' },
  diagnose: 'query',
} as const satisfies KindsOf<AppRouter['_def']['record']>;
