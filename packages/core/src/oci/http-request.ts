// One HTTP request and its answer: a deadline that closes the socket, no redirects, a bounded body, and errors that keep their code.

import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { withDeadline } from '../concurrency/deadline.ts';
import { OciRequestError } from './failure.ts';

export interface HttpQuestion {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpExchange extends AsyncDisposable {
  /** Rejects with `OciRequestError` (network, timeout, a body over the limit) or the caller's own reason; the socket is closed by then. */
  exchange(question: HttpQuestion): Promise<HttpAnswer>;
}

const maxBodyBytes = 4 * 1024 * 1024;
/** Shorter than what load balancers keep an idle connection for, so that we never send into one they have just closed. */
const idleSocketTimeoutMs = 4000;

/** Builds the transport; its sockets are its own, kept alive between requests and closed on disposal. */
export function createHttpExchange(): HttpExchange {
  const pool = { keepAlive: true, timeout: idleSocketTimeoutMs };
  const httpAgent = new HttpAgent(pool);
  // Said here so that NODE_TLS_REJECT_UNAUTHORIZED cannot turn it off.
  const httpsAgent = new HttpsAgent({ ...pool, rejectUnauthorized: true });
  let closed = false;

  return {
    async exchange(question) {
      if (closed) throw new OciRequestError({ kind: 'network', code: 'CLOSED', sent: false });
      let connected = false;
      const { timeoutMs, signal } = question;
      return withDeadline(
        async (deadline) => {
          const request = open(question, deadline);
          request.once('socket', (socket) => {
            if (!socket.connecting) {
              connected = true;
              return;
            }
            const ready = request.protocol === 'https:' ? 'secureConnect' : 'connect';
            socket.once(ready, () => {
              connected = true;
            });
          });
          try {
            return await readAnswer(request, question.body);
          } catch (error) {
            if (deadline.aborted || error instanceof OciRequestError) throw error;
            const failure = { kind: 'network', code: toCode(error), sent: connected } as const;
            throw new OciRequestError(failure, { cause: error });
          }
        },
        {
          timeoutMs,
          signal,
          onTimeout: () => new OciRequestError({ kind: 'timeout', timeoutMs, sent: connected }),
        },
      );
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };

  function open({ method, url, headers }: HttpQuestion, signal: AbortSignal): ClientRequest {
    return url.startsWith('https:')
      ? httpsRequest(url, { method, headers, signal, agent: httpsAgent })
      : httpRequest(url, { method, headers, signal, agent: httpAgent });
  }
}

async function readAnswer(request: ClientRequest, body: string | undefined): Promise<HttpAnswer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // Stays attached: a socket can fail once more after the answer began.
    request.on('error', reject);
    request.once('response', resolve);
    request.end(body);
  });
  const status = response.statusCode ?? 0;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBodyBytes) throw new OciRequestError({ kind: 'unreadable', status });
    chunks.push(bytes);
  }
  return { status, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') };
}

function toCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
