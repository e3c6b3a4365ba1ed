// Where the API reaches the VM by SSH, for a connection of one's own.

import type { CallOptions, Compute, Link, ReadOptions } from '../adapter-ports.ts';
import { createSingleFlight } from '../concurrency/single-flight.ts';
import { type VmAddress, vmId } from '../model/vm.ts';
import { createVmReach } from './require-running.ts';

export interface SshAddressOptions {
  readonly connection: Link & { address(options: CallOptions): Promise<VmAddress> };
  readonly compute: Compute;
}

export interface SshAddress {
  /** Connects where need be. Shared by all who ask at the same time; throws `SERVICE_UNAVAILABLE`, with `details.lifecycleState` when the VM does not run. */
  address(options?: ReadOptions): Promise<VmAddress>;
}

export function createSshAddress({ connection, compute }: SshAddressOptions): SshAddress {
  const vm = createVmReach({ compute, link: connection });
  const reads = createSingleFlight({ deadlineMs: 60_000 });
  const read = (shared: AbortSignal) =>
    vm.reach((signal) => connection.address({ signal }), shared);

  return { address: (caller) => reads.read(`the SSH address of ${vmId}`, read, caller) };
}
