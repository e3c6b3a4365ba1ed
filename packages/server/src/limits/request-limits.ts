// Limits of requests, connections and streams; what `config/variables.ts` lets an operator set has its default here.

export const maxBodyBytes = 64 * 1024;

/** Connections that wait to be accepted, as far as the kernel lets them (`net.core.somaxconn`): one too many tries again after a second. */
export const maxWaitingConnections = 4096;

/** For the whole request to arrive. */
export const requestTimeoutMs = 30_000;

/** Longer than proxies keep theirs, up to Google's 600 s: a server that closes first makes sporadic 502s. */
export const defaultKeepAliveSeconds = 620;

/** Per process, of streams with a source of their own. */
export const defaultMaxStreams = 100;

export const defaultCallsPerMinute = 600;
