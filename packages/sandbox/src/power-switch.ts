// Wires the VM to the instance: it has power while the instance is RUNNING, after a delay.

import type { World } from './instance-state.ts';

/** The part of the VM that has a plug. */
export interface Powered {
  powerOn(host?: string): Promise<void>;
  powerOff(): Promise<void>;
}

export interface PowerSwitch extends AsyncDisposable {
  /** Ends the system, though the instance goes on RUNNING: as `shutdown -h now` on the VM does. It boots when the instance is next started. */
  shutDown(): Promise<void>;
  /** Resolves once all switching so far is done; a boot that waits for its time is not waited for. */
  settled(): Promise<void>;
}

/** Switches on at once when the instance RUNs already. Disposing leaves the VM as it is and no timer behind. */
export function createPowerSwitch(world: World, vm: Powered): PowerSwitch {
  let queue = Promise.resolve();
  let boot: NodeJS.Timeout | undefined;
  let isOn = false;

  const enqueue = (task: () => Promise<void>): void => {
    queue = queue.then(task);
  };
  const switchOn = (): void => {
    const host = world.publicIp;
    isOn = true;
    enqueue(() => vm.powerOn(host));
  };
  const switchOff = (): void => {
    if (!isOn) return;
    isOn = false;
    enqueue(() => vm.powerOff());
  };
  const unsubscribe = world.onLifecycle(({ from, to }) => {
    clearTimeout(boot);
    if (to === 'RUNNING') boot = setTimeout(switchOn, world.durations.bootMs);
    else if (from === 'RUNNING') switchOff();
  });
  if (world.instance.lifecycleState === 'RUNNING') switchOn();

  return {
    async shutDown() {
      clearTimeout(boot);
      switchOff();
      await queue;
    },
    settled: () => queue,
    async [Symbol.asyncDispose]() {
      unsubscribe();
      clearTimeout(boot);
      await queue;
    },
  };
}
