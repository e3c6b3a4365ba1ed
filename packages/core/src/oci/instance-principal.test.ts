// What a machine asks the metadata service and the token service, and what it makes of their answers.

import { createHash, createPublicKey, verify as verifyBytes, X509Certificate } from 'node:crypto';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { AppError } from '../app-error.ts';
import {
  certificatePem,
  certifiedKey,
  keyPem,
  startOci,
} from '../testing/instance-principal.test-support.ts';
import { createSessionKeys } from './instance-principal.ts';

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
  const principal = await oci.create({ createKeys: createSessionKeys });
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
  const bound = createPublicKey({
    key: Buffer.from(boundKey, 'base64'),
    type: 'spki',
    format: 'der',
  });
  expect(bound.equals(createPublicKey(privateKeyPem))).toBe(true);
  expect(bound.equals(certifiedKey)).toBe(false);
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
  expect(verifyBytes('sha256', bytes, certifiedKey, Buffer.from(signature, 'base64'))).toBe(true);
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
  expect((await refusal(oci.create({ timeoutMs: 50 }))).code).toBe('SERVICE_UNAVAILABLE');
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
    const principal = await oci.create({ toAuthEndpoint: () => `https://127.0.0.1:${port}` });
    const error = await refusal(principal.identify());
    expect(error.cause).toMatchObject({
      failure: { kind: 'network', code: 'DEPTH_ZERO_SELF_SIGNED_CERT', sent: false },
    });
    expect(asked).toBe(0);
  } finally {
    await new Promise((resolve) => impostor.close(resolve));
  }
});
