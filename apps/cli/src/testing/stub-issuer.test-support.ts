// An issuer that answers the device flow as a test tells it to: a real one neither slows down nor fails on demand.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface IssuerAnswer {
  readonly status?: number;
  readonly body?: unknown;
  /** Instead of JSON. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answered once this is fulfilled. */
  readonly after?: Promise<unknown>;
  /** The connection is cut instead. */
  readonly cut?: boolean;
}

export interface StubIssuer extends AsyncDisposable {
  readonly issuer: string;
  /** The forms that came to this endpoint. */
  forms(path: '/device' | '/token' | '/revoke'): readonly Record<string, string>[];
  /** What clients proved themselves with at the token endpoint. */
  authorizations(): readonly (string | undefined)[];
}

/** One answer a request, the last one stays; `/device` answers with a code unless told otherwise. */
export async function startStubIssuer(script: {
  readonly token: readonly IssuerAnswer[];
  readonly device?: readonly IssuerAnswer[];
  readonly revoke?: readonly IssuerAnswer[];
  /** In place of its documents. */
  readonly discovery?: IssuerAnswer;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Of the issuer below its origin. */
  readonly path?: string;
  /** Where there is a discovery document; everywhere it is looked for unless told otherwise. */
  readonly documents?: readonly string[];
}): Promise<StubIssuer> {
  const seen: { path: string; form: Record<string, string>; authorization?: string }[] = [];
  const forms = (path: string) => seen.filter((one) => one.path === path).map(({ form }) => form);
  const base = script.path ?? '';
  const server = createServer((request, response) => {
    readForm(request).then(async (form) => {
      const url = request.url ?? '/';
      const path = url.startsWith('/.well-known/') ? url : url.slice(base.length);
      const { authorization } = request.headers;
      seen.push({ path, form, ...(authorization !== undefined && { authorization }) });
      const answer = choose(path, forms(path).length);
      await answer.after;
      send(response, answer);
    }, response.destroy.bind(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP
  const issuer = `http://127.0.0.1:${port}${base}`;

  function choose(path: string, count: number): IssuerAnswer {
    if (path.startsWith('/.well-known/')) {
      if (script.discovery !== undefined) return script.discovery;
      if (script.documents?.includes(path) === false) return { status: 404, text: 'Not found' };
      const endpoints = {
        issuer,
        token_endpoint: `${issuer}/token`,
        device_authorization_endpoint: `${issuer}/device`,
        ...(script.revoke && { revocation_endpoint: `${issuer}/revoke` }),
      };
      return { body: { ...endpoints, ...script.metadata } };
    }
    const others = { '/device': script.device ?? [device], '/revoke': script.revoke ?? [] };
    const answers = path === '/device' || path === '/revoke' ? others[path] : script.token;
    return answers[Math.min(count, answers.length) - 1] ?? {};
  }

  return {
    issuer,
    forms,
    authorizations: () =>
      seen.filter(({ path }) => path === '/token').map(({ authorization }) => authorization),
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

/** An error as RFC 6749, section 5.2, has it; with the words of the issuer. */
export function refused(error: string, status = 400): IssuerAnswer {
  return { status, body: { error, error_description: 'RAW UPSTREAM' } };
}

async function readForm(request: IncomingMessage): Promise<Record<string, string>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
}

function send(
  response: ServerResponse,
  { status = 200, body, text, headers, cut }: IssuerAnswer,
): void {
  if (cut === true) {
    response.destroy();
    return;
  }
  const type = text === undefined ? 'application/json' : 'text/html';
  response.writeHead(status, { 'content-type': type, ...headers });
  response.end(text ?? JSON.stringify(body ?? {}));
}
