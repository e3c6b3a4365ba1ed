// What a caller may decide about a client.

export interface ClientOptions {
  /** Where the API is, such as `https://api.example.com` or, behind a prefix, `https://example.com/ondemand/`. */
  readonly url: string | URL;
  /** An access token, or what gives one: asked before each call, so that it can renew. Without one none is sent. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>) | undefined;
  /** Sent with every call. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How long a call may take, asking for its token included. By default 30 s for a query, 5 minutes for a mutation. */
  readonly timeoutMs?: number | undefined;
  /** Instead of the global one. Node's own gives up after 5 minutes without an answer, whatever `timeoutMs`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}
