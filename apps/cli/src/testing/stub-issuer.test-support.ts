// An issuer that answers the device flow as a test tells it to: a real one neither slows down nor fails on demand.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface IssuerAnswer {
  readonly status?: number;
  readonly body?: unknown;
  /** The connection is cut instead. */
  readonly cut?: boolean;
}

export interface StubIssuer extends AsyncDisposable {
  readonly issuer: string;
  /** The forms that came to this path. */
  forms(path: '/device' | '/token'): readonly Record<string, string>[];
}

/** One answer a request, the last one stays; `/device` answers with a code unless told otherwise. */
export async function startStubIssuer(script: {
  readonly token: readonly IssuerAnswer[];
  readonly device?: readonly IssuerAnswer[];
  readonly metadata?: Readonly<Record<string, unknown>>;
}): Promise<StubIssuer> {
  const seen: { path: string; form: Record<string, string> }[] = [];
  const forms = (path: string) => seen.filter((one) => one.path === path).map(({ form }) => form);
  const server = createServer((request, response) => {
    readForm(request).then((form) => {
      const path = request.url ?? '/';
      seen.push({ path, form });
      send(response, choose(path, forms(path).length));
    }, response.destroy.bind(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP
  const issuer = `http://127.0.0.1:${port}`;

  function choose(path: string, count: number): IssuerAnswer {
    if (path.startsWith('/.well-known/')) {
      const endpoints = {
        issuer,
        token_endpoint: `${issuer}/token`,
        device_authorization_endpoint: `${issuer}/device`,
      };
      return { body: { ...endpoints, ...script.metadata } };
    }
    const answers = path === '/device' ? (script.device ?? [device]) : script.token;
    return answers[Math.min(count, answers.length) - 1] ?? {};
  }

  return {
    issuer,
    forms,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const deviceBody = {
  device_code: 'device-code',
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://auth.example.com/device',
  expires_in: 600,
  interval: 5,
};
export const device: IssuerAnswer = { body: deviceBody };
export const granted: IssuerAnswer = {
  body: {
    access_token: 'access',
    token_type: 'Bearer',
    expires_in: 3600,
    refresh_token: 'refresh',
  },
};

/** An error as RFC 6749, section 5.2, has it; raw upstream words must not reach the user. */
export function refused(error: string, status = 400): IssuerAnswer {
  return { status, body: { error, error_description: 'RAW UPSTREAM' } };
}

async function readForm(request: IncomingMessage): Promise<Record<string, string>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
}

function send(response: ServerResponse, { status = 200, body, cut }: IssuerAnswer): void {
  if (cut === true) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body ?? {}));
}
