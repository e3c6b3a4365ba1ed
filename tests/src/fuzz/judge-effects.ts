// What may have reached OCI, Docker and the VM, by the operations that were asked for and their answers.

import { expect } from 'vitest';
import type { Asked } from './rest-case.ts';
import { type CommandKind, parseCommand, type VmCommand } from './vm-commands.ts';
import type { Effects } from './world.ts';

export interface Exchange {
  readonly asked: Asked;
  /** All that it was sent besides the path, as text. */
  readonly body: string | undefined;
  /** Undefined where it cannot be told from others'. */
  readonly answer: { readonly status: number | undefined };
}

const refusals: ReadonlySet<number | undefined> = new Set([400, 401, 403, 405, 413, 415, 431]);

/** Nothing at all where the request was refused, else what the operations are for and nothing besides. */
export function expectOnlyIntended(
  { changes, commands }: Effects,
  exchanges: readonly Exchange[],
): void {
  const about = exchanges
    .map(({ asked, answer }) => `${asked.operation.id} answered ${answer.status}`)
    .join();
  const accepted = exchanges.filter(({ answer }) => !refusals.has(answer.status));
  const intended = accepted.map(toIntended);
  owed.push(...accepted.filter(({ asked }) => asked.operation.id === 'vm_wake').map(toSeconds));
  for (const change of changes)
    expect(
      intended.some((pattern) => pattern.test(change)),
      `${about}, and did ${change}`,
    ).toBe(true);
  for (const line of commands) {
    const command = parseCommand(line);
    const isIntended =
      isBackground(command) || accepted.some((each) => mayRun(each, command)) || isOwed(command);
    expect(isIntended, `${about}, and ran ${command.kind}: ${line}`).toBe(true);
  }
  const [only] = exchanges;
  const isOne = exchanges.length === 1 && only?.answer.status !== undefined;
  if (isOne && power[only.asked.operation.id] !== undefined)
    expect(changes.length, about).toBe(only.answer.status === 200 ? 1 : 0);
}

const power: Readonly<Record<string, string>> = {
  vm_start: 'START',
  vm_stop: 'STOP',
  vm_reboot: 'SOFTRESET',
  vm_reset: 'RESET',
};

const nothing = /^$/;

function toIntended({ asked: { operation, segments }, body }: Exchange): RegExp {
  const { id } = operation;
  const action = power[id];
  if (action !== undefined) {
    const isSoft = id === 'vm_stop' && /"soft"\s*:\s*true/.test(body ?? '');
    return new RegExp(`^OCI ${isSoft ? 'SOFTSTOP' : action}$`);
  }
  if (id === 'vm_console') return /^OCI CaptureConsoleHistory$/;
  const wakes = /"wake"\s*:\s*true/.test(body ?? '') ? 'OCI START|' : '';
  if (id === 'vm_wake') return /^OCI START$/;
  const verb = /^containers_(start|stop|restart)$/.exec(id)?.[1];
  if (verb !== undefined && segments.name !== undefined)
    return new RegExp(`^(?:${wakes}POST /containers/[0-9a-f]{64}/(?:${verb}|start))$`);
  return id === 'containers_rebuild' && wakes !== '' ? /^OCI START$/ : nothing;
}

/** What the API does on its own account, and what outlasts a request: a stream's look at jobs, use and leases, and the lease that it holds itself. */
const background: ReadonlySet<CommandKind | undefined> = new Set<CommandKind>([
  ...(['log in', 'register', 'unregister', 'note use', 'kill', 'probe socket'] as const),
  ...(['observe', 'list jobs', 'read job', 'list leases'] as const),
]);

function isBackground({ kind, values: [id = ''] }: VmCommand): boolean {
  return background.has(kind) || (kind === 'take lease' && /^reader-[0-9a-f]{16}-\w+$/.test(id));
}

const own: Readonly<Record<string, readonly CommandKind[]>> = {
  diagnose: ['facts', 'compose version'],
  vm_takeLease: ['take lease'],
  vm_releaseLease: ['end lease'],
  containers_rebuild: [
    ...(['probe paths', 'compose version', 'compose config', 'read key'] as const),
    ...(['start job', 'find job'] as const),
  ],
  jobs_cancel: ['cancel job'],
};

function mayRun(exchange: Exchange, { kind, values: [id = '', ...values] }: VmCommand): boolean {
  const { operation, segments } = exchange.asked;
  if (kind === undefined || !own[operation.id]?.includes(kind)) return false;
  if (kind === 'end lease' || kind === 'cancel job') return id === segments.id;
  if (kind === 'start job') return ownId.test(id);
  return kind !== 'take lease' || (ownId.test(id) && values[0] === toSeconds(exchange));
}

const ownId = /^\d{8}T\d{6}Z-[0-9a-f]{8}$/;

/** How long the leases of accepted wakes are: who does not wait for the wake is answered before. */
const owed: (string | undefined)[] = [];

function isOwed({ kind, values: [id = '', seconds] }: VmCommand): boolean {
  const at = kind === 'take lease' && ownId.test(id) ? owed.indexOf(seconds) : -1;
  if (at >= 0) owed.splice(at, 1);
  return at >= 0;
}

function toSeconds({ body = '' }: Exchange): string | undefined {
  try {
    const { minutes } = Object(JSON.parse(body)) as { readonly minutes?: unknown };
    return minutes === undefined ? undefined : String(Math.round(Number(minutes) * 60));
  } catch {
    return undefined;
  }
}
