// Why ssh itself failed, as far as the API and the VM can tell: ssh speaks of a file that nobody is to edit.

import { execFile } from 'node:child_process';
import type { OnDemandClient, VmAddress } from '@ondemand/client';
import type { Context } from '../command-context.ts';
import { toFailure } from '../to-failure.ts';
import { toKnownHosts } from './known-hosts.ts';

/** One line on stderr where there is something to say. Never throws. */
export async function explainRefusal(
  { output, signal }: Pick<Context, 'output' | 'signal'>,
  { client, address }: { readonly client: OnDemandClient; readonly address: VmAddress },
): Promise<void> {
  try {
    const now = await client.vm.address.query(undefined, { signal, timeoutMs: askTimeoutMs });
    if (toKnownHosts(now) !== toKnownHosts(address)) {
      output.warn('The VM has another address or host key since this began; run it again');
    } else if (await showsAnotherKey(address)) {
      output.warn(
        "The VM shows another host key than the one that the API accepted, so nothing was sent to it: somebody may be in between, or the VM was recreated. Compare the key with what ssh-keygen -l prints on the VM's console (ondemand vm console), then correct the API's SSH_HOST_KEY_FINGERPRINT or known hosts; there is nothing to change here",
      );
    }
  } catch (error) {
    if (!signal.aborted) output.warn((await toFailure(error)).message);
  }
}

const askTimeoutMs = 15_000;
const scanTimeoutMs = 10_000;

/** False where it cannot be told, as behind a jump host. */
function showsAnotherKey({ host, port, hostKeys }: VmAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const args = ['-T', '5', '-p', String(port), host];
    execFile('ssh-keyscan', args, { timeout: scanTimeoutMs }, (_error, stdout) => {
      const shown = stdout
        .split('\n')
        .flatMap((line) => line.match(/^[^#\s]\S* (\S+ \S+)/)?.[1] ?? []);
      const accepted = new Set(hostKeys.map((key) => key.trim()));
      resolve(shown.length > 0 && !shown.some((key) => accepted.has(key)));
    });
  });
}
