// Which port of which address port-forward connects: what the user named, and where the container is on the VM.

import type { ContainerInspection } from '@ondemand/client';
import { CliError, usageError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

export interface PortPair {
  /** 0: any that is free. */
  readonly local: number;
  readonly remote: number;
}

/** `[LOCAL:]PORT`. Throws a usage error. */
export function parsePorts(text: string): PortPair {
  const [, local, remote = ''] = /^(?:(\d{0,5}):)?(\d{1,5})$/.exec(text) ?? [];
  const pair = { local: Number(local || (local === '' ? 0 : remote)), remote: Number(remote) };
  if (remote !== '' && pair.local <= maxPort && pair.remote >= 1 && pair.remote <= maxPort) {
    return pair;
  }
  throw usageError(
    `port-forward needs PORT or LOCAL:PORT, each from 1 to ${maxPort} (LOCAL 0: any free one), not '${text}'`,
  );
}

const maxPort = 65_535;

/** Where the VM reaches the container. Throws `CliError` for one that does not run, or has no address of its own. */
export function toForwardHost({ name, state, networks }: ContainerInspection): string {
  if (state !== 'running') {
    throw new CliError(
      exitCodes.conflict,
      `Container '${name}' is not running (${state}), so nothing listens there; start it first with ondemand start ${name}`,
    );
  }
  if (networks.some((network) => network.name === 'host')) return '127.0.0.1'; // the VM's own
  const addresses = networks.map(({ ipAddress, ipv6Address }) => ipAddress || ipv6Address);
  const address = addresses.find((each) => each !== '');
  if (address !== undefined) return address;
  const why = networks.some((network) => network.name === 'none')
    ? 'has no network (network mode none)'
    : "has no address of its own, as one that shares another container's network: name that other one";
  throw new CliError(exitCodes.failed, `Container '${name}' ${why}`);
}

/** As `ssh -L` takes it. */
export function toForwarding(
  local: { readonly address: string; readonly port: number },
  remote: { readonly host: string; readonly port: number },
): string {
  const bracket = (host: string) => (host.includes(':') ? `[${host}]` : host);
  return `${bracket(local.address)}:${local.port}:${bracket(remote.host)}:${remote.port}`;
}
