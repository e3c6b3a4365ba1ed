// The network between the API and sshd, and the keys by which sshd is known.

import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { readLog } from './bad-lines.ts';
import type { FaultyServer, Refusal } from './faulty-server.ts';
import { containers, noisyLines } from './test-containers.ts';
import { type Fault, isFull, survive } from './under-load.ts';

/** The link is whole, and the host key is on file, before each of these. */
export function declareLinkFaults(getApi: () => FaultyServer): void {
  const reconnect = (change: () => unknown) => async () => {
    await change();
    getApi().proxy.reset();
  };
  const repair = async () => {
    const api = getApi();
    await api.proxy.pass();
    await api.trust(api.hostKey);
  };
  const late = { reason: 'HANDSHAKE_TIMEOUT', message: /sshd does not answer in time/ };
  const key = (change: () => Promise<void>) => ({ isKeyFault: true, inject: reconnect(change) });

  const faults: readonly LinkFault[] = [
    {
      name: 'a refused port',
      inject: () => getApi().proxy.refuse(),
      refusal: { reason: 'CONNECTION_REFUSED', message: /nothing listens.*SSH_PORT/ },
    },
    {
      name: 'a server that says nothing',
      inject: reconnect(() => getApi().proxy.silence()),
      refusal: late,
    },
    {
      name: 'a server that hangs up at once',
      isFullOnly: true, // 200 readers meet it in any form
      inject: reconnect(() => getApi().proxy.drop()),
      refusal: { reason: 'HANDSHAKE_DROPPED', message: /MaxStartups/ },
    },
    {
      name: 'a banner that is too slow',
      inject: reconnect(() => getApi().proxy.delayGreeting(60_000)),
      refusal: late,
    },
    {
      name: 'an unknown host key',
      ...key(() => getApi().trust(undefined)),
      refusal: {
        reason: 'HOST_KEY_UNKNOWN',
        message: /host key is unknown.*SHA256:.*ssh-keyscan.*SSH_KNOWN_HOSTS_FILE/,
      },
    },
    {
      name: 'a changed host key',
      ...key(() => getApi().trust(toOtherKey(getApi().hostKey))),
      refusal: {
        reason: 'HOST_KEY_CHANGED',
        message: /host key has changed.*SHA256:.*Somebody may be in between/,
      },
    },
    {
      name: 'a revoked host key',
      ...key(() => getApi().trust(getApi().hostKey, { marker: '@revoked' })),
      refusal: { reason: 'HOST_KEY_REVOKED', message: /host key is revoked.*SHA256:/ },
    },
    {
      name: 'a link on which nothing passes any more',
      inject: () => getApi().proxy.blackhole(),
      refusal: {
        ...{ reason: 'PEER_SILENT', message: /stopped answering.*GET \/vm\/status/ },
        async makeAgain() {
          await getApi().proxy.pass();
          await getApi().settle();
          getApi().proxy.blackhole();
        },
      },
    },
  ];
  for (const { isKeyFault = false, isFullOnly = false, ...fault } of faults) {
    if (isFullOnly && !isFull) continue;
    test.sequential(fault.name, async () => {
      const api = getApi();
      await survive(api, { part: 'The link', repair, ...fault }, async () => {
        const { details } = await api.expectRefusal(fault.refusal);
        if (isKeyFault) expect(details.fingerprint).toBe(toFingerprint(api.hostKey));
      });
    });
  }

  test.sequential('a slow banner is waited for', async () => {
    const api = getApi();
    await survive(
      api,
      {
        ...{ part: 'The link', name: 'a slow banner', repair },
        inject: reconnect(() => api.proxy.delayGreeting(2_000)),
      },
      () => api.expectRecovery(),
    );
  });

  test.sequential('a connection reset in the middle of a body is an error, never a shorter answer', async () => {
    const api = getApi();
    await api.settle();
    const path = `/containers/${containers.noisy}/logs?lines=${noisyLines}`;
    api.proxy.resetAfter(1_000_000);
    await api.expectRefusal({ path, reason: 'CONNECTION_LOST', message: /lost.*try again/ });
    await api.proxy.pass();
    await api.expectRecovery();
    expect((await readLog(api, path)).split('\n')).toHaveLength(noisyLines + 1);
  });
}

interface LinkFault extends Omit<Fault, 'part' | 'repair'> {
  readonly refusal: Refusal;
  /** The key that the VM showed is told. */
  readonly isKeyFault?: boolean;
  readonly isFullOnly?: boolean;
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
