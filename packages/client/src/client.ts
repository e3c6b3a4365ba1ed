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
import type { CallOptions, Mutation, Query, SubscribeOptions, Subscription } from './call-types.ts';
import { type OperationKind, type Operations, operations } from './operations.ts';
import { type ClientOptions, checkOptions } from './options.ts';
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
  checkOptions(options);
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
  return toNode(transport, [], operations) as ClientOf<Procedures>; // the compiler holds the operations against the router
}

/** Real properties, so that a console shows what there is. Any other name leads to the API all the same, which may be newer. */
function toNode(transport: Transport, path: Path, known: Operations | OperationKind): object {
  const shown =
    typeof known === 'string'
      ? { [known]: (...args: CallArguments) => callAt(transport, [...path, known], args) }
      : Object.fromEntries(
          Object.entries(known).map(([name, each]) => [
            name,
            toNode(transport, [...path, name], each),
          ]),
        );
  if (path.length === 0)
    Object.defineProperty(shown, Symbol.toStringTag, { value: 'OnDemandClient' });
  return new Proxy(shown, {
    get: (target, name) =>
      Object.hasOwn(target, name) ? Reflect.get(target, name) : getUnknown(transport, path, name),
  });
}

function getUnknown(transport: Transport, path: Path, name: string | symbol): unknown {
  if (name === 'toString') return () => ['OnDemandClient', ...path].join('.');
  if (name === 'toJSON') return () => undefined;
  if (typeof name !== 'string' || askedOfEverything.has(name)) return undefined;
  const next = [...path, name];
  return new Proxy(() => {}, {
    get: (_target, after) => getUnknown(transport, next, after),
    apply: (_target, _this, args: CallArguments) => callAt(transport, next, args),
  });
}

function callAt(transport: Transport, path: Path, [input, options]: CallArguments): unknown {
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
}

type Path = readonly string[];

type CallArguments = [input?: unknown, options?: CallOptions & SubscribeOptions];

/** By `await` and where text is wanted; nobody means a procedure by them. */
const askedOfEverything: ReadonlySet<string> = new Set(['then', 'valueOf']);
