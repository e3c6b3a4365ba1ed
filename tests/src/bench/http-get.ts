// One small HTTP client for every side of the comparison, so that only the servers differ.

import { Agent, type RequestOptions, request } from 'node:http';

export interface HttpGet extends Disposable {
  /** The body of a 200; rejects for any other answer and for one that is cut. */
  get(path: string): Promise<Buffer>;
}

export interface HttpGetOptions {
  /** Where to connect: `host` and `port`, or `socketPath`. */
  readonly target: Pick<RequestOptions, 'host' | 'port' | 'socketPath'>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Keeps its connections alive; as many at once as there are calls at once. */
export function createHttpGet({ target, headers = {} }: HttpGetOptions): HttpGet {
  const agent = new Agent({ keepAlive: true, noDelay: true, maxFreeSockets: 2000 });
  return {
    get: (path) =>
      new Promise((resolve, reject) => {
        const outgoing = request({ ...target, path, headers, agent }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const body = Buffer.concat(chunks);
            if (response.statusCode === 200 && response.complete) resolve(body);
            else reject(new Error(`${path} answered ${response.statusCode}: ${body}`));
          });
        });
        outgoing.on('error', reject);
        outgoing.end();
      }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** A GET of the REST API with a token. */
export function createRestGet(url: string, token: string): HttpGet {
  const { hostname, port } = new URL(url);
  return createHttpGet({
    target: { host: hostname, port },
    headers: { authorization: `Bearer ${token}` },
  });
}
