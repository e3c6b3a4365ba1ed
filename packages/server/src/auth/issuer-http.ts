// Asks the issuer for JSON: one deadline, no redirects, nothing but JSON believed.

import { AppError } from '@ondemand/core';

export type Fetch = typeof fetch;

export interface IssuerHttp {
  /** Throws `SERVICE_UNAVAILABLE` unless the issuer answers 200 with a JSON object in time. */
  getJson(url: string): Promise<Readonly<Record<string, unknown>>>;
}

export interface IssuerHttpOptions {
  readonly fetch?: Fetch;
  readonly timeoutMs?: number;
}

export function createIssuerHttp({
  fetch: fetchJson = fetch,
  timeoutMs = 5000,
}: IssuerHttpOptions = {}): IssuerHttp {
  return {
    async getJson(url) {
      try {
        const response = await fetchJson(url, {
          headers: { accept: 'application/json' },
          redirect: 'error',
          signal: AbortSignal.timeout(timeoutMs),
        });
        if (response.status !== 200) {
          await response.body?.cancel();
          throw new Error(`the issuer answered ${response.status}`);
        }
        return toObject(await response.json());
      } catch (cause) {
        throw issuerUnavailable(cause);
      }
    },
  };
}

/** The token could not be checked; that is no verdict on the token. */
export function issuerUnavailable(cause: unknown): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    'The token could not be checked, as its issuer does not answer properly; try again shortly',
    { details: { reason: 'ISSUER_UNAVAILABLE', retryAfterSeconds: 5 }, cause },
  );
}

function toObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('the issuer answered JSON that is no object');
  return value as Record<string, unknown>; // checked on the line above
}
