// `ondemand status`: the VM, why it is on, when it stops, and its containers at a glance.

import type { Container, IdleVerdict, Job, VmReady, VmState } from '@ondemand/client';
import { defineCommand } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { toPrintable } from '../output/printable.ts';
import type { Style } from '../output/style.ts';
import { type Fact, toFacts } from '../output/table.ts';
import { toFailure } from '../to-failure.ts';
import { toContainerTable } from '../views/container-table.ts';
import { toKeptOn, toLeaseTable, toStop } from '../views/idle-sheet.ts';
import { toJobTable } from '../views/job-facts.ts';
import { toReasonWhy } from '../views/ready-stage.ts';
import { toStateStyle } from '../views/vm-facts.ts';

export const status = defineCommand({
  description: `The VM, why it is on and when it stops, leases, running jobs, and its containers at a glance.
With --json it is { "vm", "ready", "idle", "jobs", "containers" }, each as GET /vm/status,
/vm/ready, /vm/idle, /jobs and /containers answer, or null where it could not be asked: of a VM
that is off, or of what the token may not see.`,
  options: {},
  examples: ['ondemand status', "ondemand status --json | jq -r '.vm.lifecycleState'"],
  async run({ connect, output, signal }) {
    const client = await connect();
    const spinner = output.spin('Asking for the VM and its containers');
    const [vm, ready, idle, jobs, containers] = await Promise.allSettled([
      client.vm.status.query(undefined, { signal }),
      client.vm.ready.query(undefined, { signal }),
      client.vm.idle.query(undefined, { signal }),
      client.jobs.list.query(undefined, { signal }),
      client.containers.list.query(undefined, { signal }),
    ]);
    spinner[Symbol.dispose]();
    if (vm.status === 'rejected' && containers.status === 'rejected') throw vm.reason;

    const glance: Glance = {
      vm: fulfilled(vm),
      ready: fulfilled(ready),
      idle: fulfilled(idle),
      jobs: fulfilled(jobs),
      containers: fulfilled(containers),
    };
    const view = { style: output.style, now: new Date(), width: output.columns() };
    output.show(glance, () => toText(glance, view));
    if (vm.status === 'rejected') throw vm.reason;
    if (containers.status === 'rejected' && !(await isExpected(vm.value, containers.reason)))
      throw containers.reason;
    return exitCodes.done;
  },
});

/** Containers that cannot be seen are no failure while the VM is not RUNNING, or where the token may only wake it; anything else is. */
async function isExpected({ lifecycleState }: VmState, error: unknown): Promise<boolean> {
  const { exitCode } = await toFailure(error);
  const isOff = lifecycleState !== 'RUNNING' && exitCode === exitCodes.unavailable;
  return isOff || exitCode === exitCodes.denied;
}

interface Glance {
  readonly vm: VmState | null;
  readonly ready: VmReady | null;
  readonly idle: IdleVerdict | null;
  readonly jobs: readonly Job[] | null;
  readonly containers: readonly Container[] | null;
}

interface GlanceView {
  readonly style: Style;
  readonly now: Date;
  readonly width: number | undefined;
}

function fulfilled<T>(result: PromiseSettledResult<T>): T | null {
  return result.status === 'fulfilled' ? result.value : null;
}

function toText({ vm, ready, idle, jobs, containers }: Glance, view: GlanceView): string {
  const { style, width } = view;
  const running = (jobs ?? []).filter(({ state }) => state === 'running');
  const sections = [
    vm === null ? 'The state of the VM is unknown\n' : toHeadline(vm, style),
    ...toFactsOf({ ready, idle }, view),
    ...(idle === null || idle.leases.length === 0 ? [] : [toLeaseTable(idle.leases, view)]),
    ...(running.length === 0 ? [] : [toJobTable(running, view)]),
    ...(containers === null
      ? []
      : [containers.length === 0 ? 'No containers\n' : toContainerTable(containers, style, width)]),
  ];
  return sections.join('\n');
}

function toFactsOf(
  { ready, idle }: Pick<Glance, 'ready' | 'idle'>,
  { style, now, width }: GlanceView,
): string[] {
  const facts: readonly (Fact | undefined)[] = [
    ready === null ? undefined : ['Phase', toPhase(ready)],
    idle === null ? undefined : ['Kept on', toKeptOn(idle)],
    idle === null ? undefined : ['Stops', toStop(idle, now)],
  ];
  return facts.some((fact) => fact !== undefined) ? [toFacts(facts, style, width)] : [];
}

/** With the first thing that stands in the way of using it. */
function toPhase(ready: VmReady): string {
  const { phase } = ready;
  const reason = phase === 'asleep' ? undefined : toReasonWhy(ready);
  return reason === undefined ? phase : `${phase}: ${reason}`;
}

function toHeadline({ displayName, vmId, lifecycleState, ip }: VmState, style: Style): string {
  const name =
    displayName === vmId || displayName === '' ? vmId : `${vmId} (${toPrintable(displayName)})`;
  const state = style(toStateStyle(lifecycleState), toPrintable(lifecycleState));
  return `${[style('bold', name), state, ...(ip === undefined ? [] : [toPrintable(ip)])].join('   ')}\n`;
}
