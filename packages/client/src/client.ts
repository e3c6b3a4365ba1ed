// The typed client: its shape comes from the server's router type, its calls go through one function.

import type { AppRouter } from '@ondemand/server';
import type {
  AnyTRPCMutationProcedure,
  AnyTRPCQueryProcedure,
  inferProcedureInput,
  inferTransformedProcedureOutput,
} from '@trpc/server';
import { type Call, createCall } from './call.ts';
import type { ClientOptions } from './options.ts';
import type { CallOptions, Mutation, Query } from './procedures.ts';

/**
 * A client of the API at `url`. Each call is one request of its own, so that none waits for another or fails with it.
 * Calls reject with `OnDemandError` alone; options that cannot work throw a `TypeError` here.
 * @example
 * const ondemand = createClient({ url: 'http://127.0.0.1:5000', token: () => getToken() });
 * const { lifecycleState } = await ondemand.vm.status.query();
 * const { logs } = await ondemand.containers.logs.query({ name: 'nginx', lines: 50 });
 * await ondemand.containers.restart.mutate({ name: 'nginx' }, { timeoutMs: 60_000 });
 */
export function createClient(options: ClientOptions) {
  return toClient<AppRouter['_def']['record']>(createCall(options));
}

export type OnDemandClient = ReturnType<typeof createClient>;

/** Private and conditional, so that the declarations hold what it comes to, and no name that leads to the server. */
type ClientOf<Node> = Node extends AnyTRPCQueryProcedure
  ? Query<inferProcedureInput<Node>, OutputOf<Node>>
  : Node extends AnyTRPCMutationProcedure
    ? Mutation<inferProcedureInput<Node>, OutputOf<Node>>
    : { readonly [Name in keyof Node]: ClientOf<Node[Name]> };

/** As it is after its way through JSON. */
type OutputOf<Procedure extends AnyTRPCQueryProcedure | AnyTRPCMutationProcedure> =
  inferTransformedProcedureOutput<AppRouter['_def']['_config']['$types'], Procedure>;

function toClient<Procedures>(call: Call): ClientOf<Procedures> {
  return toPathProxy(call, []) as ClientOf<Procedures>; // the proxy takes every path that the types allow
}

const typeOfVerb = { query: 'query', mutate: 'mutation' } as const;

function toPathProxy(call: Call, path: readonly string[]): unknown {
  return new Proxy(() => {}, {
    get(_target, name) {
      // `await` asks everything for `then`.
      if (typeof name !== 'string' || name === 'then') return undefined;
      return toPathProxy(call, [...path, name]);
    },
    apply(_target, _this, [input, options]: [unknown, CallOptions?]) {
      const verb = path.at(-1);
      if (verb !== 'query' && verb !== 'mutate')
        throw new TypeError(`${path.join('.')}() is no call: a call ends in query() or mutate()`);
      return call({ type: typeOfVerb[verb], path: path.slice(0, -1).join('.'), input }, options);
    },
  });
}
