// The network between the API and sshd, and the keys by which sshd is known.

import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { addSandboxContainers, containers, noisyLines } from './containers.ts';
import { type FaultyServer, startFaultyServer } from './faulty-server.ts';
import type { BadLine } from './tcp-proxy.ts';

const keepaliveSeconds = 1;

export function declareLinkFaults(getVm: () => RealVm | undefined): void {
  let api: FaultyServer;
  beforeAll(async () => {
    const vm = getVm();
    const env = { SSH_KEEPALIVE_SECONDS: String(keepaliveSeconds) };
    api = await startFaultyServer({ vm, env });
    if (vm === undefined) addSandboxContainers(api.sandbox);
  });
  afterEach(async () => {
    await api.proxy.pass();
    await api.trust(api.hostKey);
  });
  afterAll(() => api?.[Symbol.asyncDispose]());

  test.sequential('a refused port', async () => {
    await api.settle();
    await api.proxy.refuse();
    await api.expectUnavailable({
      reason: 'CONNECTION_REFUSED',
      message: /nothing listens.*SSH_PORT/,
    });
    await api.proxy.pass();
    await api.expectRecovery();
  });

  test.sequential('a server that says nothing', async () => {
    await api.settle();
    api.proxy.silence();
    api.proxy.reset();
    await api.expectUnavailable({
      reason: 'HANDSHAKE_TIMEOUT',
      message: /sshd does not answer in time/,
    });
    await api.proxy.pass();
    await api.expectRecovery();
  });

  test.sequential('a slow banner is waited for, one that is too slow is not', async () => {
    await api.settle();
    api.proxy.delayGreeting(2_000);
    api.proxy.reset();
    await api.expectRecovery();

    await api.settle();
    api.proxy.delayGreeting(60_000);
    api.proxy.reset();
    await api.expectUnavailable({
      reason: 'HANDSHAKE_TIMEOUT',
      message: /sshd does not answer in time/,
    });
    await api.proxy.pass();
    await api.expectRecovery();
  });

  test.sequential('an unknown host key', async () => {
    await expectHostKeyFault(() => api.trust(undefined), {
      reason: 'HOST_KEY_UNKNOWN',
      message: /host key is unknown.*SHA256:.*ssh-keyscan.*SSH_KNOWN_HOSTS_FILE/,
    });
  });

  test.sequential('a changed host key', async () => {
    await expectHostKeyFault(() => api.trust(toOtherKey(api.hostKey)), {
      reason: 'HOST_KEY_CHANGED',
      message: /host key has changed.*SHA256:.*Somebody may be in between/,
    });
  });

  test.sequential('a revoked host key', async () => {
    await expectHostKeyFault(() => api.trust(api.hostKey, { marker: '@revoked' }), {
      reason: 'HOST_KEY_REVOKED',
      message: /host key is revoked.*SHA256:/,
    });
  });

  async function expectHostKeyFault(
    spoil: () => Promise<void>,
    expected: { readonly reason: string; readonly message: RegExp },
  ): Promise<void> {
    await api.settle();
    await spoil();
    api.proxy.reset();
    const { details } = await api.expectUnavailable(expected);
    expect(details.fingerprint).toBe(toFingerprint(api.hostKey));
    await api.trust(api.hostKey);
    await api.expectRecovery();
  }

  test.sequential('a connection reset in the middle of a body is an error, never a shorter answer', async () => {
    await api.settle();
    const path = `/containers/${containers.noisy}/logs?lines=${noisyLines}`;
    api.proxy.resetAfter(1_000_000);
    await api.expectUnavailable({ path, reason: 'CONNECTION_LOST', message: /lost.*try again/ });
    await api.proxy.pass();
    await api.expectRecovery();
    const { logs } = await api.getJson<{ readonly logs: string }>(path);
    expect(logs.split('\n')).toHaveLength(noisyLines + 1);
  });

  test.sequential.each<[string, BadLine]>([
    ['with pieces that come late and unevenly', { delayMs: 5, jitterMs: 40 }],
    ['that cuts all into pieces of a few bytes', { sliceBytes: 7 }],
    ['that is narrow', { bytesPerSecond: 100_000, sliceBytes: 2_000 }],
  ])('a line %s gives the same answers', async (_, line) => {
    await api.settle();
    const path = `/containers/${containers.noisy}/logs?lines=20`;
    const read = async () => (await api.getJson<{ readonly logs: string }>(path)).logs;
    const logs = await read();
    api.proxy.spoil(line);
    api.proxy.reset();
    await api.expectRecovery();
    expect(await read()).toBe(logs);
    await api.proxy.pass();
    expect(await read()).toBe(logs);
  });

  test.sequential('a link on which nothing passes any more', async () => {
    await api.settle();
    api.proxy.blackhole();
    await api.expectUnavailable({
      reason: 'PEER_SILENT',
      message: /stopped answering.*GET \/vm\/status/,
    });
    await api.proxy.pass();
    await api.expectRecovery();
  });
}

/** A key of the same type that nobody has. */
function toOtherKey(publicKey: string): string {
  const [type = '', blob = ''] = publicKey.split(' ');
  const bytes = Buffer.from(blob, 'base64');
  return `${type} ${Buffer.concat([bytes.subarray(0, -32), randomBytes(32)]).toString('base64')}`;
}

/** As `ssh-keygen -l` prints it. */
function toFingerprint(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
