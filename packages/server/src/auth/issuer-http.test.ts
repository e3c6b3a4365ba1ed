// The one way to the issuer, where it stalls.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { createIssuerHttp } from './issuer-http.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag adds to a context

test.each(['nothing', 'half of its answer'])(
  'an issuer that says %s is given up in time, garbage collected or not',
  async (said) => {
    await using issuer = await startStallingIssuer(said !== 'nothing');
    const collecting = [50, 150].map((ms) => setTimeout(collectGarbage, ms));
    try {
      const asking = createIssuerHttp({ timeoutMs: 200 }).getJson(issuer.url);
      await expect(asking).rejects.toMatchObject({
        code: 'SERVICE_UNAVAILABLE',
        details: { reason: 'ISSUER_UNAVAILABLE' },
        cause: { message: 'the issuer did not answer in time' },
      });
    } finally {
      for (const timer of collecting) clearTimeout(timer);
    }
  },
);

describe('what the log says of a fault', () => {
  const json = { 'content-type': 'application/json' };
  test.each<[string, Response | Error, RegExp]>([
    [
      'introspection refused with 400',
      new Response('{"error":"invalid_request","error_description":"no"}', {
        status: 400,
        headers: json,
      }),
      /answered HTTP 400, invalid_request, it says: no$/,
    ],
    [
      'a description with control characters, far too long',
      refusal(400, {
        error: 'invalid_request',
        error_description: `The \u001b[31mform\r\n is\u0000 wrong \u202e${'and so on '.repeat(100)}`,
      }),
      /answered HTTP 400, invalid_request, it says: The \[31mform is wrong and so on [a-z ]{150,180}…$/,
    ],
    [
      'a description that quotes what was asked, our secret and other tokens',
      refusal(400, {
        error: 'invalid_request',
        error_description: `no x-token of api:our+secret with ${'t'.repeat(60)}, ${btoa('api:our+secret')}`,
      }),
      /it says: no … of api:… with …, …$/,
    ],
    [
      'a description alone',
      refusal(403, { error_description: 'may not introspect' }),
      /own client credentials \(HTTP 403, it says: may not introspect\); check/,
    ],
    [
      'a description that is no text',
      refusal(400, { error: 'invalid_request', error_description: ['x'] }),
      /answered HTTP 400, invalid_request$/,
    ],
    ['400 without a code', new Response('nope', { status: 400 }), /answered HTTP 400$/],
    [
      'a code that is none',
      new Response('{"error":"<b>\\n"}', { status: 400, headers: json }),
      /answered HTTP 400$/,
    ],
    [
      'our credentials refused',
      new Response('{"error":"invalid_client"}', { status: 401, headers: json }),
      /own client credentials \(HTTP 401, invalid_client\); check OIDC_CLIENT_ID.*client_secret_basic/,
    ],
    [
      'our credentials refused with 400',
      new Response('{"error":"invalid_client"}', { status: 400, headers: json }),
      /own client credentials \(HTTP 400, invalid_client\)/,
    ],
    [
      'a signed answer',
      new Response('a.b.c', { headers: { 'content-type': 'application/token-introspection+jwt' } }),
      /signs its introspection answers/,
    ],
    [
      'HTML',
      new Response('<p>', { headers: { 'content-type': 'text/html' } }),
      /something other than JSON/,
    ],
    [
      'a port that fetch never asks',
      new TypeError('fetch failed', { cause: new Error('bad port') }),
      /let it listen on another$/,
    ],
    ['nobody there', connectionError('ECONNREFUSED'), /could not be asked \(ECONNREFUSED\)$/],
    ...[
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    ].map((code): [string, Error, RegExp] => [
      `a private CA: ${code}`,
      connectionError(code),
      new RegExp(`\\(${code}\\), as its certificate is from no CA .* NODE_EXTRA_CA_CERTS$`),
    ]),
    ['an expired certificate', connectionError('CERT_HAS_EXPIRED'), /\(CERT_HAS_EXPIRED\)$/],
  ])('%s', async (_, answer, words) => {
    const fetch = async () => {
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const authorization = `Basic ${btoa('api:our+secret')}`;
    const asking = createIssuerHttp({ fetch }).postForm(
      'https://a.example/',
      { token: 'x-token' },
      { authorization },
    );
    await expect(asking).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      cause: { message: expect.stringMatching(words) },
    });
  });

  function refusal(status: number, body: object): Response {
    return new Response(JSON.stringify(body), { status, headers: json });
  }

  function connectionError(code: string): Error {
    return new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code }) });
  }
});

async function startStallingIssuer(begins: boolean) {
  const server = createServer((_request, response) => {
    if (begins) response.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
