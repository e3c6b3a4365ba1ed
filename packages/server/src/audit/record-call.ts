// Writes one audit line for each mutating call, on any transport and whether or not it succeeded.

import { type AppError, vmId } from '@ondemand/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { toAppError } from '../http/api-error.ts';
import { errorMap } from '../http/error-statuses.ts';
import { toShortText } from '../http/truncate-text.ts';
import { isTrpcUrl, trpcPrefix } from '../procedures/base.ts';
import { toJobId, toProgressPath } from '../rest/started-job.ts';
import { toOutcome } from './entry.ts';
import type { AuditTrail } from './trail.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set on routes that change something. */
    readonly auditPath?: string;
  }
  interface FastifyRequest {
    /** Set once a procedure was reached, which leaves the line itself. */
    isAudited: boolean;
    /** Our own id of the request; `id` may be the caller's. */
    serverId: string;
    /** Leaves a line for what the request, or the procedure of that path, would have changed. */
    recordRefusal(error: unknown, path?: string): Promise<void>;
    /** What an answer waits for. */
    refusalWritten: Promise<void> | undefined;
  }
}

interface Call {
  /** The operation id. */
  readonly action: string;
  /** `/containers/{name}/start` */
  readonly path: string;
  /** Where tRPC has the name; in REST the route has it. */
  readonly input?: unknown;
}

export interface AuditedCall extends Call {
  readonly durationMs: number;
  /** What was thrown, or nothing. */
  readonly error?: unknown;
  /** What was answered, unless an error was. */
  readonly output?: unknown;
}

export interface RecordCall {
  /** Before anything is sent; throws what `AuditTrail.intend` throws. */
  intent(call: Call): Promise<void>;
  /** Before the answer leaves. */
  outcome(call: AuditedCall): Promise<void>;
}

/** Of a request that the guard has seen the token of. */
export function createRecordCall(audit: AuditTrail, request: FastifyRequest): RecordCall {
  const intended = new Set<string>(); // one request can be a batch of calls
  const toKey = ({ action, target }: ReturnType<typeof toFacts>) => `${action} ${target}`;
  return {
    intent(call) {
      const facts = toFacts(request, call);
      intended.add(toKey(facts));
      return audit.intend(
        { ...facts, outcome: 'intent' },
        { isPowerOff: powerOff.has(call.action) },
      );
    },
    async outcome({ durationMs, error, output, ...call }) {
      request.isAudited = true;
      const failure = error === undefined ? undefined : toAppError(error);
      const job = toJob(failure, output);
      const facts = toFacts(request, call);
      await audit.record(
        {
          ...facts,
          ...toOutcome(failure),
          ...(failure === undefined && toProgressPath(output) !== undefined && { status: 202 }),
          durationMs: Math.round(durationMs * 10) / 10,
          ...(job !== undefined && { job: toShortText(job) }),
        },
        { isIntended: intended.has(toKey(facts)) },
      );
    },
  };
}

/** What saves money goes through whatever the audit's file does. */
const powerOff: ReadonlySet<string> = new Set(['vm_stop']);

function toFacts(request: FastifyRequest, { action, path, input }: Call) {
  const { principal } = request;
  if (principal === undefined) throw new Error('the guard did not see this request');
  const target = toTarget(path, [request.params, input]); // in REST the input may still be escaped
  return {
    time: new Date().toISOString(),
    sub: toShortText(principal.sub),
    clientId: toShortText(principal.clientId),
    ip: toShortText(request.address),
    action,
    ...(target !== undefined && { target: toShortText(target) }),
    requestId: request.id,
    ...(request.serverId !== request.id && { serverRequestId: request.serverId }),
  };
}

/** Which operations change something, and where a refused request was about one. */
export interface AuditedOperations {
  /** By the procedure's path. */
  readonly procedures: ReadonlyMap<string, Call>;
  /** By REST's path. */
  find(path: string): Call | undefined;
}

/**
 * For calls refused before their procedure: by scope, by body, by method, by a batch that is too large.
 * Those by rate limit are not recorded, for it is what bounds the audit.
 */
export function addRefusalAudit(
  app: FastifyInstance,
  audit: AuditTrail,
  operations: AuditedOperations,
): void {
  app.decorateRequest('isAudited', false);
  app.decorateRequest('serverId', '');
  app.decorateRequest('refusalWritten', undefined);
  app.decorateRequest('recordRefusal', function recordRefusal(this: FastifyRequest, error, path) {
    const calls =
      path === undefined ? calledBy(this, operations) : [operations.procedures.get(path)];
    return recordAll(this, calls, error);
  });
  app.addHook('onError', async (request, _reply, error) => {
    if (!request.isAudited) await request.recordRefusal(error);
  });
  app.addHook('onSend', ({ refusalWritten }, _reply, payload, done) => {
    if (refusalWritten === undefined) done(null, payload);
    else refusalWritten.then(() => done(null, payload), done);
  });

  async function recordAll(
    request: FastifyRequest,
    calls: readonly (Call | undefined)[],
    error: unknown,
  ): Promise<void> {
    if (request.principal === undefined || toAppError(error).code === 'TOO_MANY_REQUESTS') return;
    const { outcome } = createRecordCall(audit, request);
    for (const call of calls)
      if (call !== undefined) await outcome({ ...call, durationMs: 0, error });
  }
}

/** Of a batch at most so many; a longer one is refused whole. */
const maxRefusedCalls = 20;

function calledBy(request: FastifyRequest, operations: AuditedOperations): (Call | undefined)[] {
  const { operationId, auditPath } = request.routeOptions.config;
  if (operationId !== undefined && auditPath !== undefined)
    return [{ action: operationId, path: auditPath }];
  const [path = ''] = request.url.split('?', 1);
  if (!isTrpcUrl(request.url)) return [operations.find(path)];
  const names = decodeAll(path)
    .slice(trpcPrefix.length + 1)
    .split(',');
  return [...new Set(names)]
    .flatMap((name) => operations.procedures.get(name) ?? [])
    .slice(0, maxRefusedCalls);
}

/** As often as it may have been escaped: Fastify decodes once, and tRPC once more. */
function decodeAll(text: string): string {
  try {
    return decodeURIComponent(decodeURIComponent(text));
  } catch {
    return text;
  }
}

/** The one that carried the call out; a refusal names the one that stands in its way. */
function toJob(failure: AppError | undefined, output: unknown): string | undefined {
  if (failure === undefined) return toJobId(output);
  return errorMap[failure.code].status < 500 ? undefined : toJobId(failure.details);
}

/** The name in the path as it was sent, valid or not; without one the call is about the VM. */
function toTarget(path: string, sources: readonly unknown[]): string | undefined {
  const [, parameter] = /\{(\w+)\}/.exec(path) ?? [];
  if (parameter === undefined) return vmId;
  const values = sources.map((source) =>
    typeof source === 'object' && source !== null
      ? (source as Record<string, unknown>)[parameter] // unknown until it is checked below
      : undefined,
  );
  return values.find((value) => typeof value === 'string');
}
