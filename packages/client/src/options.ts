// The options of a client.

export interface ClientOptions {
  /** Where the API is, such as `https://api.example.com` or, behind a prefix, `https://example.com/ondemand/`. */
  readonly url: string | URL;
  /** An access token, or what gives one: asked before each call, so that it can renew. Without one none is sent. */
  readonly token?: string | TokenSource | null | undefined;
  /** Sent with every call. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How long a call may take, asking for its token included; `Infinity` has no end. By default 30 s for a query, 5 minutes for a mutation. */
  readonly timeoutMs?: number | undefined;
  /** Instead of the global one. Node's own gives up after 5 minutes without an answer, whatever `timeoutMs`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/**
 * May give nothing, as `localStorage.getItem` does.
 * After a 401 it is asked once more, with the token that was refused: where it gives another one, the call is sent once more.
 * What it throws is taken for a failure that may pass, and ends a subscription only after a while; an error whose `final` is true ends one at once.
 */
export type TokenSource = (
  request: TokenRequest,
) => string | null | undefined | Promise<string | null | undefined>;

export interface TokenRequest {
  /** The token that the API has just refused with 401; undefined where none was. */
  readonly refused: string | undefined;
}

/** Throws a `TypeError` that says what is needed, by an example; it quotes no value, which may be a secret. */
export function checkOptions(options: unknown): asserts options is ClientOptions {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`createClient: ${needed}; its argument is ${toKind(options)}`);
  const { url, fetch } = options as Partial<ClientOptions>; // whatever a JavaScript caller gives
  if (url === undefined || url === null) {
    const names = Object.keys(options).join(', ') || 'none';
    throw new TypeError(`url: it is missing: ${needed}; the options given are ${names}`);
  }
  if (typeof url !== 'string' && !(url instanceof URL))
    throw new TypeError(`url: ${needed}; the type of url is ${toKind(url)}`);
  if (fetch !== undefined && typeof fetch !== 'function')
    throw new TypeError(`fetch: a function like the global one is needed; it is ${toKind(fetch)}`);
}

const needed =
  "an API and a token for it are needed, as in createClient({ url: 'https://api.example.com', token: 'eyJ…' })";

/** What a value is, without what it holds. */
export function toKind(value: unknown): string {
  if (value === null || value === undefined) return 'missing';
  if (value instanceof Promise) return 'a promise; await it, or give the function itself';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Throws a `TypeError` for a `timeoutMs` within which nothing can be answered. */
export function checkTimeout({ timeoutMs }: Pick<ClientOptions, 'timeoutMs'>): void {
  if (timeoutMs === undefined || (typeof timeoutMs === 'number' && timeoutMs > 0)) return;
  throw new TypeError(
    `timeoutMs: a number of milliseconds above 0 is needed, or Infinity; current value is ${String(timeoutMs)}`,
  );
}
