// What the adapter asks of OCI and makes of its answers, and how it opens and closes.

import { createHash, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import {
  compartmentId,
  instance,
  instanceId,
  instancePath,
  json,
  privateKey,
  publicKey,
  refuse,
  setUpOci,
  startOci,
  verify,
  wholeVm,
} from '../testing/compute.test-support.ts';

const { computeAt, failure, file } = setUpOci();

describe('what it asks', () => {
  test('getInstance() tells state, name and version, and signs its request', async () => {
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint);
    expect(await compute.getInstance()).toEqual({
      lifecycleState: 'RUNNING',
      displayName: 'vm',
      etag: 'e1',
    });
    const [request] = oci.requests;
    if (request === undefined) return expect.fail('no request came');
    expect(request.headers.authorization).toMatch(
      /^Signature version="1",keyId="ocid1\.tenancy\.oc1\.\.t\/ocid1\.user\.oc1\.\.u\/aa:bb",algorithm="rsa-sha256",headers="x-date \(request-target\) host"/,
    );
    expect(verify(request)).toBe(true);
  });

  test('getPublicIp() gives the address of the primary card, with the compartment escaped', async () => {
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint);
    expect(await compute.getPublicIp()).toBe('203.0.113.7');
    const urls = () => oci.requests.map(({ url }) => url);
    expect(urls().slice(0, 2)).toEqual([
      instancePath,
      `/20160918/vnicAttachments?compartmentId=${encodeURIComponent(compartmentId)}&instanceId=${instanceId}`,
    ]);
    // They are asked about at the same time: either may come first, the other after the answer.
    const cards = ['/20160918/vnics/first', '/20160918/vnics/second'];
    await expect.poll(() => urls().slice(2).sort()).toEqual(cards);
    expect(oci.requests.every((request) => verify(request))).toBe(true);
  });

  test('getPublicIp() does not ask again for a compartment that it knows', async () => {
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint);
    await compute.getInstance();
    await compute.getPublicIp();
    expect(oci.requests.filter(({ url }) => url === instancePath)).toHaveLength(1);
  });

  test('getPublicIp() finds a VM that was moved to another compartment', async () => {
    let home = 'one';
    await using oci = await startOci((request, response, nth) => {
      if (request.url === instancePath)
        return json(response, { ...instance(), compartmentId: home });
      if (request.url.includes('compartmentId=one') && home === 'two') return json(response, []);
      return wholeVm(request, response, nth);
    });
    await using compute = computeAt(oci.endpoint);
    expect(await compute.getPublicIp()).toBe('203.0.113.7');
    home = 'two';
    expect(await compute.getPublicIp()).toBe('203.0.113.7');
  });

  test('getPublicIp() is undefined for a VM without a public address', async () => {
    await using oci = await startOci((request, response, nth) =>
      request.url.includes('/vnics/')
        ? json(response, { isPrimary: true, privateIp: '10.0.0.2' })
        : wholeVm(request, response, nth),
    );
    await using compute = computeAt(oci.endpoint);
    expect(await compute.getPublicIp()).toBeUndefined();
  });

  test.each(['refused', 'silent'])(
    'getPublicIp() gives the address although another card is %s',
    async (how) => {
      await using oci = await startOci((request, response, nth) => {
        if (!request.url.endsWith('/second')) return wholeVm(request, response, nth);
        if (how === 'refused') refuse(response, 404);
      });
      await using compute = computeAt(oci.endpoint);
      expect(await compute.getPublicIp()).toBe('203.0.113.7');
    },
  );

  test('getPublicIp() fails when the primary card may not be read, and says which policy lacks', async () => {
    await using oci = await startOci((request, response, nth) =>
      request.url.includes('/vnics/first')
        ? refuse(response, 404)
        : wholeVm(request, response, nth),
    );
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.getPublicIp());
    expect([error.code, error.text]).toEqual(['INTERNAL_ERROR', 'VM address not readable']);
  });

  test('getPublicIp() follows a list of cards over its pages', async () => {
    await using oci = await startOci((request, response, nth) => {
      if (request.url.includes('vnicAttachments') && !request.url.includes('page=')) {
        return json(response, [], { 'opc-next-page': 'p 2' });
      }
      return wholeVm(request, response, nth);
    });
    await using compute = computeAt(oci.endpoint);
    expect(await compute.getPublicIp()).toBe('203.0.113.7');
    expect(oci.requests[2]?.url).toContain('page=p%202');
  });

  test('act() sends the action with the version, a retry token and a signed empty body', async () => {
    await using oci = await startOci((_, response) => json(response, instance('STARTING')));
    await using compute = computeAt(oci.endpoint);
    await compute.act('START', { etag: 'e1' });
    const [request] = oci.requests;
    if (request === undefined) return expect.fail('no request came');
    expect(`${request.method} ${request.url}`).toBe(`POST ${instancePath}?action=START`);
    expect(request.headers['if-match']).toBe('e1');
    expect(request.headers['opc-retry-token']).toMatch(/^[\w-]{36}$/);
    expect(request.headers['content-length']).toBe('0');
    expect(request.headers['x-content-sha256']).toBe(createHash('sha256').digest('base64'));
    expect(request.headers.authorization).toMatch(
      /headers="[^"]*content-length x-content-sha256"/i,
    );
    expect(verify(request)).toBe(true);
  });

  test('act() refuses to send without a version', async () => {
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.act('STOP', { etag: '' }));
    expect([error.code, error.text]).toEqual(['INTERNAL_ERROR', 'OCI endpoint not supported']);
    expect(error.message).toMatch(/no ETag .* OCI_ENDPOINT/);
    expect(error.message).not.toMatch(/try again/);
    expect(oci.requests).toEqual([]);
  });

  test('a session signs with its token, without the newline that ends its file, and sees a renewed one', async () => {
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint, { auth: 'session', profile: 'SESSION' });
    await compute.getInstance();
    await writeFile(file('token'), 'renewed\r\n');
    await compute.getInstance();
    expect(oci.requests.map(({ headers }) => headers.authorization?.split('"')[3])).toEqual([
      'ST$a.session.token',
      'ST$renewed',
    ]);
    expect(oci.requests.every((request) => verify(request))).toBe(true);
  });

  test('a session that was authenticated again signs with its new key, whenever its files were written', async () => {
    const renewed = generateKeyPairSync('rsa', { modulusLength: 1024 }); // a short one is made quickly
    const [keyFile, tokenFile] = [file('session.pem'), file('session-token')];
    const configFile = file('session-config');
    await writeFile(configFile, `[VM]\nkey_file=${keyFile}\nsecurity_token_file=${tokenFile}\n`);
    await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await writeFile(tokenFile, 'first');
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint, { auth: 'session', configFile });
    await compute.getInstance();
    await writeFile(tokenFile, 'second');
    await compute.getInstance();
    await writeFile(keyFile, renewed.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await compute.getInstance();
    expect(oci.requests.map(({ headers }) => headers.authorization?.split('"')[3])).toEqual([
      'ST$first',
      'ST$second',
      'ST$second',
    ]);
    const isSignedWith = (key: typeof publicKey) => oci.requests.map((one) => verify(one, key));
    expect(isSignedWith(publicKey)).toEqual([true, true, false]);
    expect(isSignedWith(renewed.publicKey)).toEqual([false, false, true]);
  });

  test('a state that OCI invents later reads as MOVING', async () => {
    await using oci = await startOci((_, response) => json(response, instance('HIBERNATING')));
    await using compute = computeAt(oci.endpoint);
    expect((await compute.getInstance()).lifecycleState).toBe('MOVING');
  });
});

describe('its own life', () => {
  test('an unusable configuration is INTERNAL_ERROR that names the variable and no path, and is read again next time', async () => {
    await using oci = await startOci(wholeVm);
    const configFile = file('later');
    await using compute = computeAt(oci.endpoint, { configFile });
    const error = await failure(compute.getInstance());
    expect(error.code).toBe('INTERNAL_ERROR');
    expect(error.message).toContain('OCI_CONFIG_FILE');
    await writeFile(
      configFile,
      `[VM]\ntenancy=t\nuser=u\nfingerprint=f\nkey_file=${file('key.pem')}\npass_phrase=sesame\n`,
    );
    expect((await compute.getInstance()).etag).toBe('e1');
  });

  test('after disposal nothing is sent any more', async () => {
    await using oci = await startOci(wholeVm);
    const compute = computeAt(oci.endpoint);
    await compute.getInstance();
    await compute[Symbol.asyncDispose]();
    expect((await failure(compute.getInstance())).code).toBe('SERVICE_UNAVAILABLE');
    expect(oci.requests).toHaveLength(1);
  });

  test('one connection serves calls that follow each other, and gathers no listeners (a warning would fail the run)', async () => {
    const ports = new Set<number | undefined>();
    await using oci = await startOci((request, response, nth) => {
      ports.add(response.socket?.remotePort);
      return wholeVm(request, response, nth);
    });
    await using compute = computeAt(oci.endpoint);
    for (let n = 0; n < 30; n += 1) await compute.getInstance();
    expect(ports.size).toBe(1);
  });
});
