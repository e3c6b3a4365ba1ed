// One call, from its arguments to its answer or its OnDemandError: headers, deadline, request.

import type { CallOptions } from '../call-types.ts';
import { OnDemandError } from '../errors.ts';
import { type ClientOptions, checkTimeout } from '../options.ts';
import { toConnectionLoss } from '../subscription/connection-loss.ts';
import { toBaseUrl } from './base-url.ts';
import { withDeadline } from './deadline.ts';
import { createHeaders, type HeaderRecord } from './headers.ts';
import { createExchange } from './send-request.ts';
import { toInputText } from './serialize-input.ts';

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
  const exchange = createExchange({ baseUrl, fetch: client.fetch });

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
      // Where there is such a thing, the stack then leads to the caller and not into the deadline.
      if (error instanceof OnDemandError) Error.captureStackTrace?.(error);
      throw error;
    }

    async function send(signal: AbortSignal): Promise<unknown> {
      const inputText = toInputText(input, path);
      const sendWith = (headers: HeaderRecord): Promise<unknown> => {
        isSent = true;
        return exchange({ type, path, inputText, headers, signal });
      };
      const sent = await requestHeaders.read();
      try {
        return await sendWith(sent);
      } catch (error) {
        isSent = false; // a refused call did nothing
        const fresh = await requestHeaders.renew(sent, error);
        if (fresh === undefined) throw error;
        return await sendWith(fresh);
      }
    }

    function giveUp(code: 'TIMEOUT' | 'ABORTED', { what, advice, cause }: GivenUp): OnDemandError {
      const mayHaveRun = isSent && type === 'mutation';
      const { message, details } = toConnectionLoss(what, { mayHaveRun, advice });
      return new OnDemandError(code, message, { details, cause });
    }
  };
}

interface GivenUp {
  readonly what: string;
  readonly advice?: string;
  readonly cause?: unknown;
}
