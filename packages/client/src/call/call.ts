// One call, from its arguments to its answer or its OnDemandError: headers, deadline, tRPC.

import type { AppRouter } from '@ondemand/server';
import { createTRPCUntypedClient, httpLink, TRPCClientError } from '@trpc/client';
import { OnDemandError } from '../errors.ts';
import { type ClientOptions, checkTimeout } from '../options.ts';
import type { CallOptions } from '../procedures.ts';
import { toConnectionLoss } from '../subscription/connection-loss.ts';
import { toBaseUrl } from './base-url.ts';
import { withDeadline } from './deadline.ts';
import { createExchange } from './exchange.ts';
import { createHeaders, type HeaderRecord } from './headers.ts';

export interface CallRequest {
  readonly type: 'query' | 'mutation';
  /** Such as `vm.status`. */
  readonly path: string;
  readonly input: unknown;
}

export type Call = (request: CallRequest, options?: CallOptions) => Promise<unknown>;

/** The server bounds its own work; these are for a server or a network that does not answer at all. */
const defaultTimeoutMs = { query: 30_000, mutation: 300_000 };

export function createCall(client: ClientOptions): Call {
  checkTimeout(client);
  const baseUrl = toBaseUrl(client.url);
  const requestHeaders = createHeaders(client);
  const trpc = createTRPCUntypedClient<AppRouter>({
    links: [
      // Not the batching link: there a call waits for the slowest of its batch, and an aborted one goes on.
      httpLink({
        url: `${baseUrl}/trpc`,
        headers: ({ op }) => op.context.headers as Record<string, string>, // put there below
        fetch: createExchange({ baseUrl, fetch: client.fetch }),
      }),
    ],
  });

  return async ({ type, path, input }, options = {}) => {
    const { signal, timeoutMs = client.timeoutMs ?? defaultTimeoutMs[type] } = options;
    let isSent = false;
    const answer = withDeadline(send, {
      signal,
      timeoutMs,
      onTimeout: () =>
        giveUp('TIMEOUT', {
          what: `${baseUrl} did not answer within ${timeoutMs} ms`,
          advice: 'try again, or raise timeoutMs',
        }),
      onAbort: (cause) => giveUp('ABORTED', { what: `The call of ${path} was aborted`, cause }),
    });
    try {
      return await answer;
    } catch (error) {
      throw toOnDemandError(error, path);
    }

    async function send(signal: AbortSignal): Promise<unknown> {
      const sent = await requestHeaders.read();
      try {
        return await sendWith(sent, signal);
      } catch (error) {
        isSent = false; // a refused call did nothing
        const fresh = await requestHeaders.renew(sent, toCause(error));
        if (fresh === undefined) throw error;
        return await sendWith(fresh, signal);
      }
    }

    function sendWith(headers: HeaderRecord, signal: AbortSignal): Promise<unknown> {
      isSent = true;
      return trpc[type](path, input, { signal, context: { headers } });
    }

    function giveUp(code: 'TIMEOUT' | 'ABORTED', { what, advice, cause }: GivenUp): OnDemandError {
      const mayHaveRun = isSent && type === 'mutation';
      const { message, details } = toConnectionLoss(what, { mayHaveRun, advice });
      return new OnDemandError(code, message, { details, cause });
    }
  };
}

function toCause(thrown: unknown): unknown {
  return thrown instanceof TRPCClientError ? thrown.cause : thrown;
}

interface GivenUp {
  readonly what: string;
  readonly advice?: string;
  readonly cause?: unknown;
}

/** tRPC wraps what its `fetch` threw; what it throws by itself comes from writing the input as JSON. */
function toOnDemandError(thrown: unknown, path: string): OnDemandError {
  const cause = toCause(thrown);
  const error =
    cause instanceof OnDemandError
      ? cause
      : new OnDemandError('BAD_REQUEST', `The input of ${path} cannot be written as JSON`, {
          cause,
        });
  // Where there is such a thing, the stack then leads to the caller and not into tRPC.
  Error.captureStackTrace?.(error);
  return error;
}
