// The headers of a call; the one place that sees the token.

import { OnDemandError } from './errors.ts';
import type { ClientOptions } from './options.ts';

/** Throws a `TypeError` for headers that HTTP cannot carry; what it gives rejects with `TOKEN_ERROR`. */
export function createHeaders({ token, headers }: Pick<ClientOptions, 'token' | 'headers'>) {
  const fixed = toRecord(headers ?? {});
  return async (): Promise<Record<string, string>> => {
    const value = await readToken(token);
    return value ? { ...fixed, authorization: `Bearer ${value}` } : fixed;
  };
}

/** With lower-case names, so that none can appear twice. */
function toRecord(headers: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(new Headers(headers));
  } catch {
    // The error of `Headers` quotes the value, which may be a secret.
    throw new TypeError('headers: a name or value cannot be sent, perhaps for a line break in it');
  }
}

async function readToken(token: ClientOptions['token']): Promise<string | undefined> {
  const value = typeof token === 'function' ? await askFor(token) : token;
  if (value === undefined) return undefined;
  const trimmed = value.trim();
  // `fetch` would refuse it too, with a message that quotes it.
  if (/[^\x21-\x7e]/.test(trimmed))
    throw new OnDemandError(
      'TOKEN_ERROR',
      'The token has a space, a line break or another character that a token cannot have; give it bare, without "Bearer"',
    );
  return trimmed;
}

async function askFor(token: () => string | undefined | Promise<string | undefined>) {
  try {
    return await token();
  } catch (cause) {
    throw new OnDemandError(
      'TOKEN_ERROR',
      'The `token` function of the client failed; its own error is the cause',
      { cause },
    );
  }
}
