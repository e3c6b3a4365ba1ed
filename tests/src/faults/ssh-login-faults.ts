// A login that sshd refuses: newer ones punish who knocks again at once, so a repair may show late, but for sure.

import { generateKeyPairSync } from 'node:crypto';
import { copyFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import type { Disposer } from '../support/disposer.ts';
import { createFile, type FaultyServer, startFaultyServer } from './faulty-server.ts';

export interface WrongKey {
  readonly api: FaultyServer;
  readonly keyFile: string;
}

/** A server whose key file, the test's own, holds a key that nobody knows. */
export async function startWithWrongKey(
  opened: Disposer,
  vm: RealVm | undefined,
): Promise<WrongKey> {
  const keyFile = await createFile(opened, 'key');
  await writeFile(keyFile, createUnknownKey(), { mode: 0o600 });
  const env = { SSH_PRIVATE_KEY_FILE: keyFile, SSH_CONNECT_TIMEOUT_SECONDS: '60' };
  return { api: opened.use(await startFaultyServer({ vm, env })), keyFile };
}

/** Must be the first that this server is asked; leaves it with the right key. */
export function declareLoginFaults(
  getVm: () => RealVm | undefined,
  getStarted: () => WrongKey,
): void {
  test.sequential('a wrong user key is tried once in 30 s, and the right one is let in', async () => {
    const { api, keyFile } = getStarted();
    const refused = {
      reason: 'AUTH_REJECTED',
      message: /refused the login.*SSH_USER.*authorized_keys/,
    };
    const startedMs = performance.now();
    await api.expectRefusal(refused);
    const { details } = await api.expectRefusal(refused);
    const elapsedSeconds = (performance.now() - startedMs) / 1000;
    expect(details.retryAfterSeconds).toBeGreaterThanOrEqual(30 - elapsedSeconds);
    expect(api.proxy.accepted).toBe(1);

    const { SSH_PRIVATE_KEY_FILE = '' } = getVm()?.env ?? api.sandbox.env;
    await copyFile(SSH_PRIVATE_KEY_FILE, keyFile);
    await api.expectRecovery();
    expect(api.proxy.accepted).toBe(2);
  });
}

function createUnknownKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
