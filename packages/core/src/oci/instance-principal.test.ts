// The metadata service and the token service, played by a local server that checks what it is asked.

import {
  createHash,
  createPublicKey,
  createSign,
  generateKeyPairSync,
  type KeyObject,
  verify as verifyBytes,
  X509Certificate,
} from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { AppError } from '../errors.ts';
import { createHttpExchange } from './exchange.ts';
import { createInstancePrincipal } from './instance-principal.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const certificatePem = selfSign(privateKey, publicKey, 'opc-tenant:ocid1.tenancy.oc1..t');
const keyPem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
const exchange = createHttpExchange();
afterAll(() => exchange[Symbol.asyncDispose]());

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function startOci(
  answer: (asked: Asked, response: ServerResponse) => boolean = () => false,
  { lifetimeSeconds = 3600 } = {},
) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url = '', headers } = request;
    const one = { method, url, headers, body };
    asked.push(one);
    if (answer(one, response)) return;
    const texts: Record<string, string> = {
      '/opc/v2/instance/region': 'fra\n',
      '/opc/v2/identity/cert.pem': certificatePem,
      '/opc/v2/identity/key.pem': keyPem,
      '/opc/v2/identity/intermediate.pem': certificatePem,
      '/v1/x509': JSON.stringify({ token: toJwt(lifetimeSeconds) }),
    };
    response.end(texts[url]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A TCP server's address is never a pipe's name.
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    asked,
    create: (authEndpoint = origin) =>
      createInstancePrincipal({
        exchange: exchange.exchange,
        timeoutMs: 500,
        metadataUrl: `${origin}/opc/v2`,
        toAuthEndpoint: () => authEndpoint,
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function toJwt(lifetimeSeconds: number): string {
  const exp = Math.floor(Date.now() / 1000) + lifetimeSeconds;
  return `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.c2ln`;
}

async function refusal(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => expect.fail('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw error;
  return error;
}

test('it learns its region and trades its certificate for a token bound to a fresh key', async () => {
  await using oci = await startOci();
  const principal = await oci.create();
  expect(principal.region).toBe('fra');
  const { keyId, privateKeyPem } = await principal.identify();
  expect(keyId).toMatch(/^ST\$e30\./);

  for (const { url, headers } of oci.asked.filter(({ method }) => method === 'GET')) {
    expect([url, headers.authorization]).toEqual([url, 'Bearer Oracle']);
  }
  const question = oci.asked.find(({ url }) => url === '/v1/x509');
  if (question === undefined) return expect.fail('no token was asked for');
  const {
    certificate,
    publicKey: boundKey,
    intermediateCertificates,
    purpose,
  } = JSON.parse(question.body);
  const der = new X509Certificate(certificatePem).raw.toString('base64');
  expect([certificate, intermediateCertificates, purpose]).toEqual([der, [der], 'DEFAULT']);
  expect(
    createPublicKey({ key: Buffer.from(boundKey, 'base64'), type: 'spki', format: 'der' }),
  ).toEqual(createPublicKey(privateKeyPem));
});

test('its question is signed with the key of its certificate', async () => {
  await using oci = await startOci();
  await (await oci.create()).identify();
  const question = oci.asked.find(({ url }) => url === '/v1/x509');
  if (question === undefined) return expect.fail('no token was asked for');
  const { headers, body } = question;
  const fingerprint = createHash('sha1')
    .update(new X509Certificate(certificatePem).raw)
    .digest('hex')
    .replace(/..(?=.)/g, '$&:');
  const [, keyId, names = '', signature = ''] =
    /keyId="([^"]+)",algorithm="rsa-sha256",headers="([^"]+)",signature="([^"]+)"/.exec(
      headers.authorization ?? '',
    ) ?? [];
  expect(keyId).toBe(`ocid1.tenancy.oc1..t/fed-x509/${fingerprint}`);
  expect(names).toBe('date (request-target) host content-type content-length x-content-sha256');
  const lines = names
    .split(' ')
    .map((name) => `${name}: ${name === '(request-target)' ? 'post /v1/x509' : headers[name]}`);
  const bytes = Buffer.from(lines.join('\n'));
  expect(verifyBytes('sha256', bytes, publicKey, Buffer.from(signature, 'base64'))).toBe(true);
  expect(headers['x-content-sha256']).toBe(createHash('sha256').update(body).digest('base64'));
});

test('a token is kept while it is good, and asked for once by all', async () => {
  await using oci = await startOci();
  const principal = await oci.create();
  const [one, other] = await Promise.all([principal.identify(), principal.identify()]);
  expect(other).toBe(one);
  expect(await principal.identify()).toBe(one);
  expect(oci.asked.filter(({ url }) => url === '/v1/x509')).toHaveLength(1);
});

test('a token that ends within five minutes is renewed', async () => {
  await using oci = await startOci(undefined, { lifetimeSeconds: 299 });
  const principal = await oci.create();
  const one = await principal.identify();
  expect(await principal.identify()).not.toBe(one);
});

test('a machine outside OCI is told so', async () => {
  await using oci = await startOci((_, response) => {
    response.writeHead(404).end();
    return true;
  });
  const error = await refusal(oci.create());
  expect(error.code).toBe('SERVICE_UNAVAILABLE');
  expect(error.message).toContain('OCI_AUTH=instance_principal');
});

test('a silent metadata service ends at the deadline', async () => {
  await using oci = await startOci(() => true);
  expect((await refusal(oci.create())).code).toBe('SERVICE_UNAVAILABLE');
});

test.each([
  [401, 'INTERNAL_ERROR'],
  [429, 'SERVICE_UNAVAILABLE'],
  [500, 'SERVICE_UNAVAILABLE'],
])('a token service that answers %i is %s, and is asked again next time', async (status, code) => {
  let healthy = false;
  await using oci = await startOci(({ url }, response) => {
    if (url !== '/v1/x509' || healthy) return false;
    response.writeHead(status).end('no');
    return true;
  });
  const principal = await oci.create();
  expect((await refusal(principal.identify())).code).toBe(code);
  healthy = true;
  expect((await principal.identify()).keyId).toMatch(/^ST\$/);
});

test.each(['no json', '{}', '{"token":7}', '{"token":"a\\"b"}', '{"token":"a\\nb"}'])(
  'the answer %s is no token',
  async (body) => {
    await using oci = await startOci(({ url }, response) => {
      if (url !== '/v1/x509') return false;
      response.end(body);
      return true;
    });
    const principal = await oci.create();
    expect((await refusal(principal.identify())).code).toBe('SERVICE_UNAVAILABLE');
  },
);

test('a token service whose certificate nobody vouches for gets no question', async () => {
  let asked = 0;
  const impostor = createTlsServer({ key: keyPem, cert: certificatePem }, (_, response) => {
    asked += 1;
    response.end('{}');
  });
  // A client that hangs up in the handshake is what this test wants.
  impostor.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
  try {
    // As above.
    const { port } = impostor.address() as AddressInfo;
    await using oci = await startOci();
    const principal = await oci.create(`https://127.0.0.1:${port}`);
    const error = await refusal(principal.identify());
    expect(error.cause).toMatchObject({
      failure: { kind: 'network', code: 'DEPTH_ZERO_SELF_SIGNED_CERT', sent: false },
    });
    expect(asked).toBe(0);
  } finally {
    await new Promise((resolve) => impostor.close(resolve));
  }
});

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
