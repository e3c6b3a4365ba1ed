// What goes wrong during a soak, one after the other, each ended again.

import type { Sandbox } from '@ondemand/sandbox';

export interface SoakFault {
  readonly name: string;
  begin(sandbox: Sandbox): unknown;
  /** Beside `sandbox.faults.reset()`. */
  end?(sandbox: Sandbox): unknown;
}

export const soakFaults: readonly SoakFault[] = [
  {
    name: 'the link to the VM is dead',
    begin: ({ faults }) => set(faults.ssh, { mode: 'freeze' }),
  },
  { name: 'OCI throttles', begin: ({ faults }) => set(faults.oci, { status: 429 }) },
  { name: 'Docker answers 500', begin: ({ faults }) => set(faults.docker, { status: 500 }) },
  { name: 'the issuer is down', begin: ({ faults }) => set(faults.oidc, { down: true }) },
  {
    name: 'the VM falls and comes up again',
    begin: ({ vm }) => vm.powerOff(),
    end: ({ vm }) => vm.powerOn(),
  },
  { name: 'OCI resets connections', begin: ({ faults }) => set(faults.oci, { resets: true }) },
  {
    name: 'Docker cuts its answers',
    begin: ({ faults }) => set(faults.docker, { cutsBody: true }),
  },
  { name: 'OCI does not answer', begin: ({ faults }) => set(faults.oci, { hangs: true }) },
  { name: 'Docker does not answer', begin: ({ faults }) => set(faults.docker, { hangs: true }) },
  { name: 'OCI answers 500', begin: ({ faults }) => set(faults.oci, { status: 500 }) },
  { name: 'Docker answers late', begin: ({ faults }) => set(faults.docker, { delayMs: 1500 }) },
];

function set<Settings extends object>(area: Settings, settings: Partial<Settings>): void {
  Object.assign(area, settings);
}
