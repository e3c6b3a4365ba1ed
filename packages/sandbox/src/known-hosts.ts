// The known_hosts file that vouches for the VM, at each address that it had.

import { writeFileSync } from 'node:fs';
import type { World } from './instance-state.ts';

export interface KnownHosts {
  readonly file: string;
  /** Vouches for this key from now on, and no longer for another. */
  trust(publicKey: string): void;
  close(): void;
}

export interface KnownHostsOptions {
  readonly file: string;
  readonly world: World;
  readonly port: number;
  readonly publicKey: string;
}

/** Written before it returns, and again, before the change takes effect, whenever the VM gets a new public IP. */
export function createKnownHosts({ file, world, port, publicKey }: KnownHostsOptions): KnownHosts {
  const hosts = new Set(['127.0.0.1']);
  let key = publicKey;
  const write = (): void => {
    const lines = Array.from(hosts, (host) => `${toPattern(host, port)} ${key}\n`);
    writeFileSync(file, lines.join(''), { mode: 0o600 });
  };
  const add = (ip: string | undefined): void => {
    if (ip !== undefined) hosts.add(ip);
    write();
  };
  const unsubscribe = world.onPublicIp(add);
  add(world.publicIp);
  return {
    file,
    trust(newKey) {
      key = newKey;
      write();
    },
    close: unsubscribe,
  };
}

/** OpenSSH writes the usual port without brackets. */
function toPattern(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`;
}
