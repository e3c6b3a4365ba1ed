// The headers of a call; no other file handles the token.

import { OnDemandError } from '../errors.ts';
import { type ClientOptions, type TokenSource, toKind } from '../options.ts';

export interface RequestHeaders {
  /** Rejects with `TOKEN_ERROR` alone. */
  read(): Promise<HeaderRecord>;
  /** After the API refused what was sent: headers with another token, or undefined where the token function has no other. Rejects as `read` does. */
  renew(sent: HeaderRecord, error: unknown): Promise<HeaderRecord | undefined>;
}

export type HeaderRecord = Readonly<Record<string, string>>;

/** Throws a `TypeError` for a token that is none and for headers that HTTP cannot carry. */
export function createHeaders({
  token,
  headers,
}: Pick<ClientOptions, 'token' | 'headers'>): RequestHeaders {
  if (typeof token !== 'function' && !isTokenOrNone(token))
    throw new TypeError(
      `token: a string is needed, or a function that gives one, as in createClient({ url, token: 'eyJ…' }); its type is ${toKind(token)}`,
    );
  const fixed = headers ? toRecord(headers) : {}; // without need `Headers` would load all of Node's `fetch`
  const read = async (refused?: string): Promise<HeaderRecord> => {
    const value = await readToken(token, refused);
    return value === undefined ? fixed : { ...fixed, authorization: `${scheme}${value}` };
  };
  return {
    read: () => read(),
    async renew(sent, error) {
      const isRefused = error instanceof OnDemandError && error.code === 'UNAUTHORIZED';
      if (!isRefused || typeof token !== 'function') return undefined;
      const fresh = await read(sent.authorization?.slice(scheme.length));
      return fresh.authorization === sent.authorization ? undefined : fresh;
    },
  };
}

const scheme = 'Bearer ';

/** With lower-case names, so that none can appear twice. */
function toRecord(headers: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(new Headers(headers));
  } catch {
    // The error of `Headers` quotes the value, which may be a secret.
    throw new TypeError('headers: a name or value cannot be sent, perhaps for a line break in it');
  }
}

async function readToken(
  token: ClientOptions['token'],
  refused: string | undefined,
): Promise<string | undefined> {
  const value: unknown = typeof token === 'function' ? await askFor(token, refused) : token; // what JavaScript callers give may be anything
  if (!isTokenOrNone(value))
    throw new OnDemandError(
      'TOKEN_ERROR',
      `The \`token\` function of the client gave a value of type ${typeof value}; a token is a string`,
    );
  const trimmed = value?.trim();
  if (!trimmed) return undefined;
  // `fetch` would refuse it too, with a message that quotes it.
  if (/[^\x21-\x7e]/.test(trimmed))
    throw new OnDemandError(
      'TOKEN_ERROR',
      'The token has a space, a line break or another character that a token cannot have; give it bare, without "Bearer"',
    );
  return trimmed;
}

/** Stores that hold no token give `null` for it. */
function isTokenOrNone(value: unknown): value is string | null | undefined {
  return typeof value === 'string' || value === null || value === undefined;
}

async function askFor(token: TokenSource, refused: string | undefined): Promise<unknown> {
  try {
    return await token({ refused });
  } catch (cause) {
    throw new OnDemandError(
      'TOKEN_ERROR',
      'The `token` function of the client failed; its own error is the cause',
      { cause },
    );
  }
}
