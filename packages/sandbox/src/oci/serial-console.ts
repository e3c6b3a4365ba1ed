// The serial console of the instance: what a boot and a shutdown would print there.

import type { LifecycleState, World } from '../instance-state.ts';

export interface SerialConsole {
  /** The last megabyte of everything printed. */
  readonly text: string;
  write(text: string): void;
  close(): void;
}

const capacity = 1_048_576;

const printed: Partial<Record<LifecycleState, readonly string[]>> = {
  STARTING: [
    'UEFI firmware (version 1.6.4) starting',
    'BdsDxe: starting Boot0001 "UEFI ORACLE BlockVolume"',
  ],
  RUNNING: [
    '[    0.000000] Linux version 6.12.0-1.el9uek.aarch64 (mockbuild@build) #1 SMP PREEMPT',
    '[    2.418733] systemd[1]: Detected architecture arm64.',
    '[    7.004512] cloud-init[812]: Cloud-init v. 24.4 finished. Datasource DataSourceOracle.',
    '[  OK  ] Started OpenSSH server daemon.',
    '[  OK  ] Started Docker Application Container Engine.',
    '',
    'oci-flex login: ',
  ],
  STOPPING: [
    '[  OK  ] Stopped Docker Application Container Engine.',
    '[  OK  ] Reached target System Power Off.',
  ],
};

/** Prints a boot at once when the instance RUNs already. */
export function createSerialConsole(world: World): SerialConsole {
  let text = '';
  const write = (added: string): void => {
    text = (text + added).slice(-capacity);
  };
  const print = (state: LifecycleState): void => {
    for (const line of printed[state] ?? []) write(`${line}\r\n`);
  };
  if (world.instance.lifecycleState === 'RUNNING') {
    print('STARTING');
    print('RUNNING');
  }
  const unsubscribe = world.onLifecycle(({ to }) => print(to));
  return {
    get text() {
      return text;
    },
    write,
    close: unsubscribe,
  };
}
