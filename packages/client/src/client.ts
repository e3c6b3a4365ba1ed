// The typed client: its shape comes from the server's router type, every path of it leads to one of two functions.

import type { AppRouter } from '@ondemand/server';
import type {
  AnyTRPCMutationProcedure,
  AnyTRPCQueryProcedure,
  AnyTRPCSubscriptionProcedure,
  inferProcedureInput,
  inferTransformedProcedureOutput,
} from '@trpc/server';
import { type Call, createCall } from './call/call.ts';
import type { ClientOptions } from './options.ts';
import type { CallOptions, Mutation, Query, SubscribeOptions, Subscription } from './procedures.ts';
import { createSubscribe, type Subscribe } from './subscription/subscription.ts';

/**
 * A client of the API at `url`. Each call is one request of its own, so that none waits for another or fails with it.
 * Calls reject with `OnDemandError` alone, and loops over a subscription throw it; options that cannot work throw a `TypeError` here.
 * @example
 * const ondemand = createClient({ url: 'http://127.0.0.1:5000', token: () => getToken() });
 * const { lifecycleState } = await ondemand.vm.status.query();
 * const { logs } = await ondemand.containers.logs.query({ name: 'nginx', lines: 50 });
 * await ondemand.containers.restart.mutate({ name: 'nginx' }, { timeoutMs: 60_000 });
 * for await (const { line } of ondemand.containers.followLogs.subscribe({ name: 'nginx' })) console.log(line);
 */
export function createClient(options: ClientOptions) {
  return toClient<AppRouter['_def']['record']>({
    call: createCall(options),
    subscribe: createSubscribe(options),
  });
}

export type OnDemandClient = ReturnType<typeof createClient>;

/** Private and conditional, so that the declarations hold what it comes to, and no name that leads to the server. */
type ClientOf<Node> = Node extends AnyTRPCQueryProcedure
  ? Query<inferProcedureInput<Node>, OutputOf<Node>>
  : Node extends AnyTRPCMutationProcedure
    ? Mutation<inferProcedureInput<Node>, OutputOf<Node>>
    : Node extends AnyTRPCSubscriptionProcedure
      ? Subscription<inferProcedureInput<Node>, ItemOf<OutputOf<Node>>>
      : { readonly [Name in keyof Node]: ClientOf<Node[Name]> };

/** As it is after its way through JSON. */
type OutputOf<
  Procedure extends AnyTRPCQueryProcedure | AnyTRPCMutationProcedure | AnyTRPCSubscriptionProcedure,
> = inferTransformedProcedureOutput<AppRouter['_def']['_config']['$types'], Procedure>;

/** Without the id that it is resumed by, which is the client's own affair. */
type ItemOf<Output> =
  Output extends AsyncIterable<{ readonly id: string; readonly data: infer Data }> ? Data : never;

interface Transport {
  readonly call: Call;
  readonly subscribe: Subscribe;
}

function toClient<Procedures>(transport: Transport): ClientOf<Procedures> {
  return toPathProxy(transport, []) as ClientOf<Procedures>; // the proxy takes every path that the types allow
}

function toPathProxy(transport: Transport, path: readonly string[]): unknown {
  return new Proxy(() => {}, {
    get(_target, name) {
      if (name === 'toString') return () => ['OnDemandClient', ...path].join('.');
      if (typeof name !== 'string' || askedOfEverything.has(name)) return undefined;
      return toPathProxy(transport, [...path, name]);
    },
    apply(_target, _this, [input, options]: [unknown, (CallOptions & SubscribeOptions)?]) {
      const request = { path: path.slice(0, -1).join('.'), input };
      switch (path.at(-1)) {
        case 'query':
          return transport.call({ ...request, type: 'query' }, options);
        case 'mutate':
          return transport.call({ ...request, type: 'mutation' }, options);
        case 'subscribe':
          return transport.subscribe(request, options);
        default:
          throw new TypeError(
            `${path.join('.')}() is no call: a call ends in query(), mutate() or subscribe()`,
          );
      }
    },
  });
}

/** By `await`, `JSON.stringify` and where text is wanted; nobody means a procedure by them. */
const askedOfEverything: ReadonlySet<string> = new Set(['then', 'toJSON', 'valueOf']);
