// One small HTTP client for every side of the comparison, so that only the servers differ.

import { Agent, type RequestOptions, request } from 'node:http';

export interface HttpClient extends Disposable {
  /** The body of a 200; rejects for any other answer and for one that is cut. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Buffer>;
  /** The same without a body, for 200, 201 and 204. */
  post(path: string): Promise<Buffer>;
}

export interface HttpClientOptions {
  /** Where to connect: `host` and `port`, or `socketPath`. */
  readonly target: Pick<RequestOptions, 'host' | 'port' | 'socketPath'>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Keeps its connections alive; as many at once as there are calls at once. */
export function createHttpClient({ target, headers = {} }: HttpClientOptions): HttpClient {
  const agent = new Agent({ keepAlive: true, noDelay: true, maxFreeSockets: 2000 });
  const send = (
    method: string,
    path: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const options = { ...target, method, path, headers: { ...headers, ...more }, agent };
      const outgoing = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const body = Buffer.concat(chunks);
          const { statusCode = 0 } = response;
          if ([200, 201, 204].includes(statusCode) && response.complete) resolve(body);
          else reject(new Error(`${method} ${path} answered ${statusCode}: ${body}`));
        });
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  return {
    get: (path, more) => send('GET', path, more),
    post: (path) => send('POST', path),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** Of the REST API or its twin, with a token. */
export function createRestClient(url: string, token: string): HttpClient {
  const { hostname, port } = new URL(url);
  return createHttpClient({ target: { host: hostname, port }, headers: toBearer(token) });
}

export function toBearer(token: string): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` };
}
