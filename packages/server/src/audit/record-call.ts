// Leaves one line for a call that would change something, whichever transport it came by and however far it got.

import { type AppError, vmId } from '@ondemand/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { toAppError } from '../api-error.ts';
import { errorMap } from '../error-map.ts';
import { toShortText } from '../short-text.ts';
import { toAcceptedJob, toJobId } from '../started-job.ts';
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
  }
}

export interface AuditedCall {
  /** The operation id. */
  readonly action: string;
  /** `/containers/{name}/start` */
  readonly path: string;
  /** Where tRPC has the name; in REST the route has it. */
  readonly input?: unknown;
  readonly durationMs: number;
  /** What was thrown, or nothing. */
  readonly error?: unknown;
  /** What was answered, unless an error was. */
  readonly output?: unknown;
}

export type RecordCall = (call: AuditedCall) => Promise<void>;

/** Of a request that the guard has seen the token of. */
export function createRecordCall(audit: AuditTrail, request: FastifyRequest): RecordCall {
  return async ({ action, path, input, durationMs, error, output }) => {
    const { principal } = request;
    if (principal === undefined) throw new Error('the guard did not see this request');
    request.isAudited = true;
    const failure = error === undefined ? undefined : toAppError(error);
    const job = toJob(failure, output);
    const target = toTarget(path, [request.params, input]); // in REST the input may still be escaped
    await audit.record({
      time: new Date().toISOString(),
      sub: toShortText(principal.sub),
      clientId: toShortText(principal.clientId),
      ip: toShortText(request.address),
      action,
      ...(target !== undefined && { target: toShortText(target) }),
      ...toOutcome(failure),
      ...(failure === undefined && toAcceptedJob(output) !== undefined && { status: 202 }),
      durationMs: Math.round(durationMs * 10) / 10,
      requestId: request.id,
      ...(job !== undefined && { job: toShortText(job) }),
    });
  };
}

/** For REST calls refused before their procedure: by scope, by body. Those by rate limit are not recorded, for it is what bounds the audit. */
export function addRefusalAudit(app: FastifyInstance, audit: AuditTrail): void {
  app.decorateRequest('isAudited', false);
  app.addHook('onError', async (request, reply, error) => {
    const { operationId, auditPath } = request.routeOptions.config;
    const isCall = operationId !== undefined && auditPath !== undefined;
    if (!isCall || request.isAudited || request.principal === undefined) return;
    if (toAppError(error).code === 'TOO_MANY_REQUESTS') return;
    const recordCall = createRecordCall(audit, request);
    await recordCall({
      action: operationId,
      path: auditPath,
      durationMs: reply.elapsedTime,
      error,
    });
  });
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
