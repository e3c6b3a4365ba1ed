// The metadata service and the token service of an OCI instance, played by one local server.

import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpExchange } from '../oci/http-request.ts';
import {
  createInstancePrincipal,
  type InstancePrincipalOptions,
} from '../oci/instance-principal.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 }); // a short one is made quickly

export const certifiedKey = publicKey;
export const certificatePem = selfSign(privateKey, publicKey, 'opc-tenant:ocid1.tenancy.oc1..t');
export const keyPem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Once the asker has its answer, or has gone. */
  readonly closed: Promise<void>;
}

/** Its tokens last an hour on the clock `now`; `answer` is true for what it answers itself, or leaves without an answer. */
export async function startOci(
  answer: (asked: Asked, response: ServerResponse) => boolean = () => false,
  { now = Date.now } = {},
) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const closed = new Promise<void>((resolve) => response.once('close', () => resolve()));
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url = '', headers } = request;
    const one = { method, url, headers, body, closed };
    asked.push(one);
    if (answer(one, response)) return;
    const texts: Record<string, string> = {
      '/opc/v2/instance/region': 'fra\n',
      '/opc/v2/identity/cert.pem': certificatePem,
      '/opc/v2/identity/key.pem': keyPem,
      '/opc/v2/identity/intermediate.pem': certificatePem,
      '/v1/x509': JSON.stringify({ token: toJwt(now() / 1000 + 3600) }),
    };
    response.end(texts[url]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A TCP server's address is never a pipe's name.
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const exchange = createHttpExchange();
  return {
    asked,
    exchange: exchange.exchange,
    tokenQuestions: () => asked.filter(({ url }) => url === '/v1/x509'),
    create: (options: Partial<InstancePrincipalOptions> = {}, signal?: AbortSignal) =>
      createInstancePrincipal(
        {
          exchange: exchange.exchange,
          timeoutMs: 60_000,
          metadataUrl: `${origin}/opc/v2`,
          toAuthEndpoint: () => origin,
          createKeys: async () => ({ privateKey, publicKey }), // making a pair takes a quarter of a second
          ...options,
        },
        signal,
      ),
    async [Symbol.asyncDispose]() {
      await exchange[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function toJwt(expSeconds: number): string {
  const exp = Math.floor(expSeconds);
  return `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.c2ln`;
}

/** The smallest certificate that Node accepts, since Node can read them but not make them (RFC 5280). */
function selfSign(key: KeyObject, subjectKey: KeyObject, unit: string): string {
  const tlv = (tag: number, ...parts: Buffer[]) => {
    const content = Buffer.concat(parts);
    const { length } = content;
    const size = length < 128 ? [length] : [0x82, length >> 8, length & 0xff];
    return Buffer.concat([Buffer.from([tag, ...size]), content]);
  };
  const hex = (digits: string) => Buffer.from(digits, 'hex');
  const sha256WithRsa = tlv(0x30, hex('06092a864886f70d01010b0500'));
  const organizationalUnit = hex('060355040b');
  const name = tlv(0x30, tlv(0x31, tlv(0x30, organizationalUnit, tlv(0x0c, Buffer.from(unit)))));
  const time = (text: string) => tlv(0x17, Buffer.from(text));
  const content = tlv(
    0x30,
    tlv(0x02, hex('01')),
    sha256WithRsa,
    name,
    tlv(0x30, time('250101000000Z'), time('491231235959Z')),
    name,
    subjectKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = createSign('sha256').update(content).sign(key);
  const der = tlv(0x30, content, sha256WithRsa, tlv(0x03, hex('00'), signature));
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}
