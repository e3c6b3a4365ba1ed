// Replaces the SDK's HTTP client, which has no deadline, loses network errors, prints to the console and rejects with plain objects.

import type { HttpClient, HttpRequest } from 'oci-common';
import { AppError, isAppError } from '../app-error.ts';
import { pause, withDeadline } from '../concurrency/deadline.ts';
import type { OciAuth } from './credentials.ts';
import { type OciFailure, type OciOperation, OciRequestError } from './failure.ts';
import type { HttpAnswer, HttpExchange } from './http-request.ts';
import { parseJson, toText } from './json.ts';
import { parseRetryAfter, toRetryDelayMs } from './retry.ts';
import type { SignRequest } from './signer.ts';
import { isNotImplemented, isOutOfCapacity, toAppError } from './to-app-error.ts';

/** How one attempt ended: OCI's HTTP status, or why there was none. */
export type OciOutcome = `${number}` | 'timeout' | 'network' | 'unreadable' | 'aborted';

export interface OciHttpClientOptions {
  readonly exchange: HttpExchange['exchange'];
  readonly sign: SignRequest;
  /** For each attempt, its signature included. */
  readonly timeoutMs: number;
  /** For all attempts of one call and the pauses between them. */
  readonly overallTimeoutMs: number;
  /** Whose credentials sign, for what is said when they are refused. */
  readonly auth?: OciAuth;
  /** Gets other credentials than those that OCI has just refused; undefined where there are none to be had. Asked once for each call. */
  readonly renew?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** For each attempt, with how long it took. */
  readonly onRequest: (operation: OciOperation, outcome: OciOutcome, durationMs: number) => void;
  /** Told of OCI's own time with each answer, whatever that says. */
  readonly onDate?: (date: Date) => void;
  readonly random: () => number;
}

export interface OciHttpClient {
  /**
   * Runs one call of an SDK client that is built on the given HTTP client: its requests belong to `operation` and stop with `signal`.
   * Rejects with `AppError` as `toAppError` judges, or with the caller's own reason; an action that OCI may have carried out all the same has `details.outcome` `'unknown'`.
   */
  call<T>(
    operation: OciOperation,
    signal: AbortSignal | undefined,
    send: (httpClient: HttpClient) => Promise<T>,
  ): Promise<T>;
}

interface CallContext {
  readonly operation: OciOperation;
  readonly signal: AbortSignal | undefined;
}

/** Builds the client that signs, sends and repeats. The SDK passes no signal through to its HTTP client, so each call has one of its own. */
export function createOciHttpClient(options: OciHttpClientOptions): OciHttpClient {
  const {
    exchange,
    sign,
    timeoutMs,
    overallTimeoutMs,
    auth = 'config',
    renew,
    onRequest,
    onDate = () => {},
    random,
  } = options;

  return {
    async call(operation, signal, send) {
      let failed: { readonly error: unknown } | undefined;
      const onFailure = (error: unknown) => {
        failed = { error };
      };
      try {
        const result = await send({
          send(request) {
            failed = undefined;
            return answer(request, { operation, signal }, onFailure);
          },
        });
        if (failed !== undefined) throw failed.error; // where the SDK expects no body, it reads none
        return result;
      } catch (error) {
        if (error instanceof AppError || signal?.aborted) throw error;
        // The SDK stumbled over a success that it did not expect.
        const failure = new OciRequestError({ kind: 'unreadable', status: 200 }, { cause: error });
        throw operation === 'InstanceAction'
          ? toUnknownOutcome(toAppError(failure.failure, operation), failure)
          : toAppError(failure.failure, operation, failure);
      }
    },
  };

  async function answer(
    request: HttpRequest,
    context: CallContext,
    onFailure: (error: unknown) => void,
  ): Promise<Response> {
    try {
      const { status, headers, body: sent } = await sendRepeatedly(request, context);
      // The SDK reads this text as JSON, too.
      const isText = context.operation === 'GetConsoleHistoryContent';
      const body = isText ? JSON.stringify(sent) : sent;
      return new Response(body === '' ? null : body, { status, headers: pickHeaders(headers) });
    } catch (error) {
      const failure = toCallerError(error, context);
      onFailure(failure);
      return toFailingResponse(failure);
    }
  }

  async function sendRepeatedly(request: HttpRequest, context: CallContext): Promise<HttpAnswer> {
    const kind = context.operation === 'InstanceAction' ? 'action' : 'read';
    const endsAtMs = performance.now() + overallTimeoutMs;
    let maybeDone = false;
    let mayRenew = renew !== undefined;
    for (let attempts = 1; ; attempts += 1) {
      const remainingMs = endsAtMs - performance.now();
      try {
        return await sendOnce(request, context, Math.min(timeoutMs, remainingMs));
      } catch (error) {
        if (!(error instanceof OciRequestError)) {
          // What keeps this attempt from being sent says nothing about the one before.
          throw maybeDone && isAppError(error) ? toUnknownOutcome(error, error) : error;
        }
        const { failure } = error;
        if (mayRenew && failure.kind === 'answer' && failure.status === 401) {
          mayRenew = false;
          await renewInTime(endsAtMs - performance.now(), context);
          continue;
        }
        const seen = kind === 'action' && maybeReached(failure);
        const delayMs = toRetryDelayMs({
          failure,
          kind,
          attempts,
          remainingMs: endsAtMs - performance.now(),
          random: random(),
        });
        if (delayMs === undefined) {
          if (kind === 'action' && isOutcomeUnknown(failure, maybeDone)) {
            throw toUnknownOutcome(toAppError(failure, context.operation), error);
          }
          throw error;
        }
        maybeDone ||= seen;
        await pause(delayMs, context.signal);
      }
    }
  }

  async function renewInTime(remainingMs: number, { signal }: CallContext): Promise<void> {
    const limitMs = Math.max(1, remainingMs);
    await withDeadline((deadline) => renew?.(deadline) ?? Promise.resolve(), {
      timeoutMs: limitMs,
      signal,
      onTimeout: () => new OciRequestError({ kind: 'timeout', timeoutMs: limitMs, sent: false }),
    });
  }

  async function sendOnce(
    request: HttpRequest,
    { operation, signal }: CallContext,
    attemptTimeoutMs: number,
  ): Promise<HttpAnswer> {
    const beganAtMs = performance.now();
    const endsAtMs = beganAtMs + attemptTimeoutMs;
    // A copy for each attempt, since the signer would keep the date of the first.
    const headers = new Headers(request.headers);
    // The signer may have to fetch a token first.
    await withDeadline((deadline) => sign({ ...request, headers }, deadline), {
      timeoutMs: attemptTimeoutMs,
      signal,
      onTimeout: () =>
        new OciRequestError({ kind: 'timeout', timeoutMs: attemptTimeoutMs, sent: false }),
    });
    let outcome: OciOutcome = 'aborted';
    try {
      const answer = await exchange({
        method: request.method,
        url: request.uri,
        headers: Object.fromEntries(headers),
        body: typeof request.body === 'string' ? request.body : undefined,
        timeoutMs: Math.max(1, Math.ceil(endsAtMs - performance.now())),
        signal,
      });
      outcome = `${answer.status}`;
      const dateMs = Date.parse(answer.headers.date ?? '');
      if (Number.isFinite(dateMs)) onDate(new Date(dateMs));
      const failure = toFailure(answer, { signedBy: auth, operation });
      if (failure !== undefined) {
        if (failure.kind === 'unreadable') outcome = 'unreadable';
        throw new OciRequestError(failure);
      }
      return answer;
    } catch (error) {
      if (error instanceof OciRequestError && error.failure.kind !== 'answer') {
        outcome = error.failure.kind;
      }
      throw error;
    } finally {
      onRequest(operation, outcome, performance.now() - beganAtMs);
    }
  }
}

/** Their success is text, or nothing. */
const withoutJson: ReadonlySet<OciOperation> = new Set([
  'GetConsoleHistoryContent',
  'DeleteConsoleHistory',
]);

/** Undefined for a success that holds JSON, where it should. */
function toFailure(
  { status, headers, body }: HttpAnswer,
  { signedBy, operation }: { readonly signedBy: OciAuth; readonly operation: OciOperation },
): OciFailure | undefined {
  const json = parseJson(body);
  if (status >= 200 && status < 300) {
    return json === undefined && !withoutJson.has(operation)
      ? { kind: 'unreadable', status }
      : undefined;
  }
  return {
    kind: 'answer',
    status,
    serviceCode: toText(json, 'code'),
    serviceMessage: toText(json, 'message'),
    requestId: headers['opc-request-id']?.toString(),
    retryAfterSeconds: parseRetryAfter(headers['retry-after'], Date.now()),
    signedBy,
  };
}

function pickHeaders(headers: HttpAnswer['headers']): Record<string, string> {
  return Object.fromEntries(
    ['etag', 'opc-request-id', 'opc-next-page'].flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
}

/** False when it is certain that OCI did not begin to carry the request out. */
function maybeReached(failure: OciFailure): boolean {
  return failure.kind === 'network' || failure.kind === 'timeout' ? failure.sent : true;
}

/** `maybeDone`: an earlier attempt may have been carried out, so a refusal of this one proves nothing. */
function isOutcomeUnknown(failure: OciFailure, maybeDone: boolean): boolean {
  if (failure.kind !== 'answer') return maybeDone || maybeReached(failure);
  if (isOutOfCapacity(failure) || isNotImplemented(failure)) return false;
  return maybeDone || failure.status >= 500;
}

/** `SERVICE_UNAVAILABLE` whatever is known: it is only what was seen last. */
function toUnknownOutcome(known: AppError, cause: unknown): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${known.message}. It is unknown whether OCI carried it out: look at its state before you repeat it`,
    { text: 'Outcome unknown', details: { ...known.details, outcome: 'unknown' }, cause },
  );
}

function toCallerError(error: unknown, { operation, signal }: CallContext): unknown {
  if (error instanceof OciRequestError) return toAppError(error.failure, operation, error);
  if (signal?.aborted || error instanceof AppError) return error;
  return new AppError(
    'INTERNAL_ERROR',
    'A request to OCI could not be signed or sent; see the log for the reason',
    { text: 'OCI configuration not usable', cause: error },
  );
}

/**
 * A rejection would pass through the SDK's retrier, which prints it and turns it into a plain object.
 * So a failure travels as a success whose body cannot be read: the SDK hands that error on as it is.
 */
function toFailingResponse(error: unknown): Response {
  return Object.assign(new Response(null), { json: () => Promise.reject(error) });
}
