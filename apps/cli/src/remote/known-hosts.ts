// The VM's host keys as the API accepted them, for ssh: a known_hosts file of exactly those, and the algorithms that ask for them.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VmAddress } from '@ondemand/client';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

/** What ssh is told to look the keys up by: the VM's address changes, its name does not. */
export const hostAlias = 'oci-flex';

/** The lines of known_hosts, by the alias and by the address. Throws `CliError` for an address that is none. */
export function toKnownHosts(address: VmAddress): string {
  const { host, port, hostKeys } = checkAddress(address);
  const names = `${hostAlias},${port === 22 ? host : `[${host}]:${port}`}`;
  return hostKeys.map((key) => `${names} ${key.trim()}\n`).join('');
}

/** Without them a server with several keys could show one that is not in the file. */
export function toHostKeyAlgorithms({ hostKeys }: Pick<VmAddress, 'hostKeys'>): string {
  const types = hostKeys.map((key) => key.trim().split(' ')[0] ?? '');
  return [...new Set(types.flatMap((type) => signatures[type] ?? [type]))].join(',');
}

/** An RSA key signs in several ways, and its own name is the one that is refused nowadays. */
const signatures: Readonly<Record<string, readonly string[]>> = {
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** A file of this process, gone once it is disposed of. */
export async function writeKnownHosts(
  address: VmAddress,
): Promise<{ readonly path: string } & AsyncDisposable> {
  const text = toKnownHosts(address);
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-ssh-')).catch(
    ({ code }: NodeJS.ErrnoException) => {
      throw new CliError(
        exitCodes.failed,
        `${tmpdir()} cannot be written (${code}); set TMPDIR to a folder that can`,
      );
    },
  );
  const path = join(folder, 'known_hosts');
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await writeFile(path, text, { mode: 0o600 });
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: remove };
}

/** It becomes arguments of ssh and lines of a file. */
function checkAddress(address: VmAddress): VmAddress {
  const { host, port, hostKeys } = address;
  const isHost = /^[A-Za-z0-9_:.][A-Za-z0-9_:.%-]*$/.test(host);
  const isPort = Number.isInteger(port) && port > 0 && port < 65_536;
  const areKeys =
    hostKeys.length > 0 &&
    hostKeys.every((key) => /^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}$/.test(key.trim()));
  if (isHost && isPort && areKeys) return address;
  throw new CliError(
    exitCodes.failed,
    'The API answered GET /vm/address with what is no host, port and host keys; look with ondemand version at both ends',
  );
}
