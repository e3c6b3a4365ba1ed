// The port that Prometheus scrapes: no token, no other path than /metrics.

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';

export interface ScrapeOptions {
  readonly host: string;
  readonly port: number;
  readonly contentType: string;
  readonly read: () => Promise<string>;
  /** Told why a scrape was answered with 500. */
  readonly onFailure: (error: unknown) => void;
}

/** Resolves once it listens; rejects as `listen` does. */
export async function listenForScrapes({
  host,
  port,
  contentType,
  read,
  onFailure,
}: ScrapeOptions): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    const [path] = (request.url ?? '/').split('?');
    if (path !== '/metrics') return answer(response, 404, 'Only /metrics is here\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return answer(response, 405, 'Metrics are only read\n');
    }
    read().then(
      (text) => {
        response.setHeader('content-type', contentType);
        answer(response, 200, text);
      },
      (error: unknown) => {
        onFailure(error);
        answer(response, 500, 'The metrics could not be read; the log of the API says why\n');
      },
    );
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  if (!response.hasHeader('content-type'))
    response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.writeHead(status, { 'x-content-type-options': 'nosniff' }).end(text);
}
