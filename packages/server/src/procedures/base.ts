// The base that every procedure stands on: its scope, its context and the shape of its errors.

import { type ByteCharge, isAppError, type LogText, type ReadOptions } from '@ondemand/core';
import { initTRPC } from '@trpc/server';
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc';
import type { RecordCall } from '../audit/record-call.ts';
import type { AuditTrail } from '../audit/trail.ts';
import { type Principal, requireScope, type ScopeNames } from '../auth/principal.ts';
import {
  type ApiError,
  type ErrorContext,
  toErrorResponse,
  toTrpcError,
} from '../http/api-error.ts';
import { errorMap } from '../http/error-statuses.ts';
import { toShortText } from '../http/truncate-text.ts';
import type { Shares, Work } from '../limits/fair-queue.ts';
import type { Preferences } from '../rest/prefer-header.ts';
import type { OpenStreams } from '../streams/stream-registry.ts';
import type { Services } from './core-services.ts';
import {
  type Meta,
  type Operation,
  type StreamOperation,
  toMeta,
  toStreamMeta,
} from './operation-metadata.ts';

export interface Context extends ErrorContext {
  readonly principal: Principal;
  /** Authenticates the same token again; throws what authentication throws. */
  readonly authenticate: () => Promise<Principal>;
  readonly scopeNames: ScopeNames;
  readonly services: Services;
  readonly audit: AuditTrail;
  readonly recordCall: RecordCall;
  /** How long the caller wants to wait for a job. */
  readonly preferences: Preferences;
  readonly streams: OpenStreams;
  /** Of the reads that are worked on. */
  readonly shares: Shares;
  /** What a read passes to its service: it ends when the caller has gone, and takes its place among the caller's reads. */
  readonly asReader: (work?: Work) => ReadOptions;
  /** Counts what is held while an answer is being made, against the caller's subject. */
  readonly openCharge: () => ByteCharge;
  /** How a long text goes into the answer: as much of it as the transport can hold, and what stands for it in the output. */
  readonly longText: { readonly maxBytes: number; take(text: LogText): string };
  /** Aborted when the caller has gone; for reads only, an action outlives its caller. A stream's is aborted whenever it ends. */
  readonly signal: AbortSignal;
}

/** `ApiError` as tRPC carries it, in `error.data`. */
export interface TrpcErrorData extends ApiError {
  readonly httpStatus: number;
  readonly path?: string;
}

const t = initTRPC
  .context<Context>()
  .meta<Meta>()
  .create({
    isDev: false,
    errorFormatter({ error, ctx, path }) {
      const { status, body } = toErrorResponse(error, ctx ?? contextOf(error));
      return toTrpcErrorShape(status, body, path);
    },
  });

export const router = t.router;

/** A procedure for callers with the scope to read; `id` is its path with `_` for `.`. */
export function readProcedure(id: string, operation: Operation) {
  return scopedProcedure(toMeta(id, ['read'], operation));
}

/** A procedure for callers who may read, or only wake. */
export function readOrWakeProcedure(id: string, operation: Operation) {
  return scopedProcedure(toMeta(id, ['read', 'wake'], operation));
}

/** A procedure for callers with the scope to wake the VM, which reading does not imply. */
export function wakeProcedure(id: string, operation: Operation) {
  return scopedProcedure(toMeta(id, ['wake'], operation));
}

/** A procedure that changes things, for callers with an `admin` token. */
export function adminProcedure(id: string, operation: Operation) {
  return scopedProcedure(toMeta(id, ['admin'], operation));
}

/** A subscription for callers with the scope to read; REST has it as server-sent events. */
export function readStream(id: string, stream: StreamOperation) {
  return scopedProcedure(toStreamMeta(id, ['read'], stream)).use(bounded(stream));
}

/** A subscription for callers who may read, or only wake. */
export function readOrWakeStream(id: string, stream: StreamOperation) {
  return scopedProcedure(toStreamMeta(id, ['read', 'wake'], stream)).use(bounded(stream));
}

/** Where tRPC is mounted. */
export const trpcPrefix = '/trpc';

export function isTrpcUrl(url: string): boolean {
  return url === trpcPrefix || url.startsWith(`${trpcPrefix}/`) || url.startsWith(`${trpcPrefix}?`);
}

/** One error in tRPC's envelope. */
export function toTrpcErrorShape(status: number, body: ApiError, path?: string) {
  const data: TrpcErrorData = { ...body, httpStatus: status, ...(path !== undefined && { path }) };
  return {
    message: body.message,
    code: TRPC_ERROR_CODES_BY_KEY[errorMap[body.code].trpc],
    data,
  };
}

const earlyContext = Symbol('the request that failed before it had a context');

/** A malformed batch fails before tRPC makes a context; the code that knows the request links it to the error here. */
export function tieContext(error: Error, context: ErrorContext): void {
  Object.assign(error, { [earlyContext]: context });
}

function contextOf(error: Error): ErrorContext {
  const { [earlyContext]: context } = error as { [earlyContext]?: ErrorContext }; // set by tieContext alone
  return context ?? { requestId: 'unknown', resourceMetadataUrl: '' };
}

/** One middleware for all: each costs every call some microseconds. */
function scopedProcedure(meta: Meta) {
  return t.procedure.meta(meta).use(({ ctx, type, next, getRawInput }) => {
    if (type !== 'mutation') return run(next);
    const about = { action: meta.id, path: meta.path };
    let noteUse = () => {};
    const begin = memoize(async () => {
      const input = await getRawInput();
      await ctx.recordCall.intent({ ...about, input });
      if (noUse.test(meta.id)) return;
      const by = toActionText(meta.id, input, ctx.principal.sub);
      noteUse = () => ctx.services.idle.noteAction(by);
      noteUse();
    });
    const call = run(() => next({ ctx: { services: announced(ctx.services, begin) } }));
    const ended = call.finally(() => noteUse());
    return ctx.audit.follow(recorded({ ctx, about, getRawInput, call: ended }));

    async function run<Result extends { ok: true } | { ok: false; error: Error }>(
      proceed: () => Promise<Result>,
    ): Promise<Result> {
      requireScope(ctx.principal, meta.scopes, ctx.scopeNames);
      const result = await proceed();
      if (!result.ok && isAppError(result.error.cause)) throw toTrpcError(result.error.cause);
      return result;
    }
  });
}

interface RecordedCall<Result> {
  readonly ctx: Context;
  readonly about: { readonly action: string; readonly path: string };
  readonly getRawInput: () => Promise<unknown>;
  readonly call: Promise<Result>;
}

/** Each mutation leaves its line before its answer does, whatever came of it. */
async function recorded<
  Result extends { ok: true; data: unknown } | { ok: false; error: unknown },
>({ ctx, about, getRawInput, call }: RecordedCall<Result>): Promise<Result> {
  const startedAt = performance.now();
  const [ended] = await Promise.allSettled([call]);
  const outcome =
    ended.status === 'fulfilled' ? ended.value : { ok: false as const, error: ended.reason };
  await ctx.recordCall.outcome({
    ...about,
    input: await getRawInput().catch(() => undefined), // malformed, which is what the result says
    durationMs: performance.now() - startedAt,
    ...(outcome.ok ? { output: outcome.data } : { error: outcome.error }),
  });
  return call;
}

/** A stop must not keep the VM on, and leases are a signal of their own. */
const noUse = /^vm_(?:stop|takeLease|releaseLease)$/;

/** `restart of nginx by ana` */
function toActionText(id: string, input: unknown, sub: string): string {
  const { name, id: item } = Object(input) as { readonly name?: unknown; readonly id?: unknown }; // whatever it is
  const target = name ?? item;
  const what = id.replace(/^[a-z]+_/, '');
  return toShortText(`${what}${typeof target === 'string' ? ` of ${target}` : ''} by ${sub}`);
}

/** The same services, whose first call waits until it is written what is intended, and noted that it begins. */
function announced(services: Services, begin: () => Promise<void>): Services {
  const announcing = <Noun extends object>(noun: Noun): Noun =>
    new Proxy(noun, {
      get(target, key, receiver) {
        const method: unknown = Reflect.get(target, key, receiver);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]) => {
          await begin();
          return Reflect.apply(method, target, args);
        };
      },
    });
  return Object.fromEntries(
    Object.entries(services).map(([name, noun]) => [name, announcing(noun)]),
  ) as unknown as Services; // the same names and methods, all of which give promises
}

function memoize<T>(once: () => T): () => T {
  let result: { readonly value: T } | undefined;
  return () => {
    result ??= { value: once() };
    return result.value;
  };
}

/** Every stream, on any transport, takes its slot here and is ended here. */
function bounded({ isShared = false, work = 'reads' }: StreamOperation) {
  return t.middleware(async ({ ctx, next }) => {
    const { signal, principal, authenticate } = ctx;
    const stream = ctx.streams.open({
      sub: principal.sub,
      signal,
      expiresAt: principal.expiresAt,
      recheck: principal.isRevocable && authenticate,
      isShared,
    });
    const leave = await enter(ctx, stream.signal, work).catch((error: unknown) => {
      stream.abandon();
      throw error;
    });
    const result = await next({ ctx: { signal: stream.signal } }).finally(leave);
    if (result.ok) return { ...result, data: stream.follow(result.data as AsyncIterable<unknown>) }; // a subscription's output
    stream.abandon();
    return result;
  });
}

/** Waits until the caller opens few enough others; for one who has left the service does nothing. */
async function enter(
  { shares, principal }: Context,
  signal: AbortSignal,
  work: Work,
): Promise<() => void> {
  return signal.aborted ? () => {} : shares[work].enter(principal.sub, signal);
}
