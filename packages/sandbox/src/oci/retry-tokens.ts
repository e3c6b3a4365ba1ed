// Makes a repeated request harmless: the same opc-retry-token gets the first answer again for 24 hours.

import { type OciAnswer, OciError } from './answers.ts';

export interface RetryTokens {
  /** The answer that this token had; undefined for a new one. Throws `OciError` 409 when the token belongs to another request. */
  find(token: string, request: string): OciAnswer | undefined;
  remember(token: string, request: string, answer: OciAnswer): void;
}

const lifeMs = 24 * 60 * 60_000;

export function createRetryTokens(now: () => Date): RetryTokens {
  const kept = new Map<
    string,
    { readonly request: string; readonly answer: OciAnswer; readonly until: number }
  >();
  return {
    find(token, request) {
      const entry = kept.get(token);
      if (entry === undefined || entry.until <= now().getTime()) return undefined;
      if (entry.request === request) return entry.answer;
      throw new OciError(
        409,
        'InvalidatedRetryToken',
        'The provided retry token was used in an earlier request with other details.',
      );
    },
    remember(token, request, answer) {
      kept.set(token, { request, answer, until: now().getTime() + lifeMs });
    },
  };
}
