// `ondemand status`: the VM and its containers at a glance.

import type { Container, VmState } from '@ondemand/client';
import { defineCommand } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { toFailure } from '../failure.ts';
import { toPrintable } from '../output/printable.ts';
import type { Style } from '../output/style.ts';
import { toContainerTable } from '../views/container-table.ts';
import { toStateStyle } from '../views/vm-facts.ts';

export const status = defineCommand({
  description: `The VM and its containers at a glance.
With --json it is { "vm": …, "containers": … }, each as GET /vm/status and GET /containers answer,
or null when it could not be asked, as the containers of a VM that is off.`,
  options: {},
  examples: ['ondemand status', "ondemand status --json | jq -r '.vm.lifecycleState'"],
  async run({ connect, output, signal }) {
    const client = await connect();
    const spinner = output.spin('Asking for the VM and its containers');
    const [vm, containers] = await Promise.allSettled([
      client.vm.status.query(undefined, { signal }),
      client.containers.list.query(undefined, { signal }),
    ]);
    spinner[Symbol.dispose]();
    if (vm.status === 'rejected' && containers.status === 'rejected') throw vm.reason;

    const glance: Glance = { vm: fulfilled(vm), containers: fulfilled(containers) };
    output.show(glance, () => toText(glance, output.style, output.columns()));
    if (vm.status === 'rejected') throw vm.reason;
    if (containers.status === 'rejected' && !(await isOff(vm.value, containers.reason))) {
      throw containers.reason;
    }
    return exitCodes.done;
  },
});

/** Containers that cannot be seen are no failure while the VM is not RUNNING; anything else is. */
async function isOff({ lifecycleState }: VmState, error: unknown): Promise<boolean> {
  const { exitCode } = await toFailure(error);
  return lifecycleState !== 'RUNNING' && exitCode === exitCodes.unavailable;
}

interface Glance {
  readonly vm: VmState | null;
  readonly containers: readonly Container[] | null;
}

function fulfilled<T>(result: PromiseSettledResult<T>): T | null {
  return result.status === 'fulfilled' ? result.value : null;
}

function toText({ vm, containers }: Glance, style: Style, columns: number | undefined): string {
  const head = vm === null ? 'The state of the VM is unknown\n' : toHeadline(vm, style);
  if (containers === null) return head;
  if (containers.length === 0) return `${head}\nNo containers\n`;
  return `${head}\n${toContainerTable(containers, style, columns)}`;
}

function toHeadline({ displayName, vmId, lifecycleState, ip }: VmState, style: Style): string {
  const name =
    displayName === vmId || displayName === '' ? vmId : `${vmId} (${toPrintable(displayName)})`;
  const state = style(toStateStyle(lifecycleState), toPrintable(lifecycleState));
  return `${[style('bold', name), state, ...(ip === undefined ? [] : [toPrintable(ip)])].join('   ')}\n`;
}
