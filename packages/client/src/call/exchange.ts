// The `fetch` under tRPC: gives it answers of this API, and throws an OnDemandError for everything else.

import type { ClientOptions } from '../options.ts';
import { readAnswer } from './answer.ts';
import { toNetworkError } from './network-error.ts';

export interface ExchangeOptions {
  /** As messages name the API. */
  readonly baseUrl: string;
  readonly fetch: ClientOptions['fetch'];
}

/** As much of `fetch` as tRPC uses. */
export type Exchange = (
  url: string | URL | Request,
  init?: object,
) => Promise<{ readonly ok: true; json(): Promise<unknown> }>;

/** Throws `NETWORK_ERROR`, `TIMEOUT` and what `readAnswer` throws. */
export function createExchange({ baseUrl, fetch = globalFetch }: ExchangeOptions): Exchange {
  return async (url, init) => {
    // A redirect would turn a POST into a GET, and hide that `url` is not where the API is.
    const request: RequestInit = { ...init, redirect: 'manual' };
    const mutates = request.method === 'POST';
    const { response, text } = await load(url, request).catch((cause: unknown) => {
      throw toNetworkError(cause, { baseUrl, mutates });
    });
    const answer = readAnswer(
      { status: response.status, headers: response.headers, text },
      { baseUrl, mutates },
    );
    return { ok: true, json: async () => answer };
  };

  async function load(url: string | URL | Request, request: RequestInit) {
    const response = await fetch(url, request);
    return { response, text: await response.text() };
  }
}

/** Looked up at each call, so that what replaces it later is used. */
export const globalFetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init);
