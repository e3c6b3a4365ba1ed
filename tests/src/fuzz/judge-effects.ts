// What may have reached OCI, Docker and the VM, by the operation that was asked for and its answer.

import { expect } from 'vitest';
import type { RawAnswer } from './raw-http.ts';
import type { Asked } from './rest-case.ts';
import type { Effects } from './world.ts';

export interface Exchange {
  readonly asked: Asked;
  readonly body: string | undefined;
  readonly answer: Pick<RawAnswer, 'status'>;
}

const refusals = new Set([400, 401, 403, 405, 413, 415, 431]);

/** Nothing at all where the request was refused, else what the operation is for and nothing besides. */
export function expectOnlyIntended(
  { changes }: Effects,
  { asked: { operation, segments }, body, answer: { status } }: Exchange,
): void {
  const about = `${operation.id} answered ${status}`;
  if (refusals.has(status)) {
    expect(changes, about).toEqual([]);
    return;
  }
  const intended = toIntended(operation.id, { segments, body });
  for (const change of changes) expect(change, about).toMatch(intended);
  if (operation.id.startsWith('vm_') && power[operation.id] !== undefined)
    expect(changes.length, about).toBe(status === 200 ? 1 : 0);
}

const power: Readonly<Record<string, string>> = {
  vm_start: 'START',
  vm_stop: 'STOP',
  vm_reboot: 'SOFTRESET',
  vm_reset: 'RESET',
};

const nothing = /^$/;

function toIntended(
  id: string,
  { segments, body }: { segments: Readonly<Record<string, string>>; body: string | undefined },
): RegExp {
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
