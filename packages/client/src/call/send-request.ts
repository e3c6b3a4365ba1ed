// One HTTP request as tRPC's server takes it: gives the result of this API, and throws an OnDemandError for every other answer.

import type { ClientOptions } from '../options.ts';
import { readAnswer } from './answer.ts';
import type { HeaderRecord } from './headers.ts';
import { toNetworkError } from './network-error.ts';

export interface ExchangeOptions {
  /** As messages name the API. */
  readonly baseUrl: string;
  readonly fetch: ClientOptions['fetch'];
}

export interface ExchangeRequest {
  readonly type: 'query' | 'mutation';
  /** Such as `vm.status`. */
  readonly path: string;
  /** JSON; undefined where there is no input. */
  readonly inputText: string | undefined;
  readonly headers: HeaderRecord;
  readonly signal: AbortSignal;
}

export type Exchange = (request: ExchangeRequest) => Promise<unknown>;

/** Throws `NETWORK_ERROR`, `TIMEOUT` and what `readAnswer` throws. */
export function createExchange({ baseUrl, fetch = globalFetch }: ExchangeOptions): Exchange {
  return async (request) => {
    const mutates = request.type === 'mutation';
    const { response, text } = await load(request).catch((cause: unknown) => {
      throw toNetworkError(cause, { baseUrl, mutates });
    });
    const { status, headers } = response;
    return readAnswer({ status, headers, text }, { baseUrl, mutates });
  };

  async function load({ type, path, inputText, headers, signal }: ExchangeRequest) {
    const url = `${baseUrl}/trpc/${path}`;
    // A redirect would turn a POST into a GET, and hide that `url` is not where the API is.
    const init = { signal, redirect: 'manual' } as const;
    const response =
      type === 'query'
        ? await fetch(`${url}${toQuery(inputText)}`, { ...init, method: 'GET', headers })
        : await fetch(url, {
            ...init,
            method: 'POST',
            headers: { 'content-type': 'application/json', ...headers },
            ...(inputText !== undefined && { body: inputText }),
          });
    return { response, text: await response.text() };
  }
}

/** Looked up at each call, so that what replaces it later is used. */
export const globalFetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init);

function toQuery(inputText: string | undefined): string {
  return inputText === undefined ? '' : `?input=${encodeURIComponent(inputText)}`;
}
