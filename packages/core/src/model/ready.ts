// Whether the VM can be used: what is seen of it, and the word a person would use for that.

import { z } from 'zod';
import { maxBootMs, offInsideMs } from './defaults-limits-timeouts.ts';
import { type LifecycleState, lifecycleStates } from './vm.ts';

const vmPhases = ['asleep', 'waking', 'on', 'stopping', 'unreachable', 'off-inside'] as const;
export type VmPhase = (typeof vmPhases)[number];

const reason = z.string().optional().describe('Why not');

export const vmReadySchema = z
  .object({
    ready: z.boolean().describe('SSH and Docker answer'),
    phase: z
      .enum(vmPhases)
      .describe('off-inside: OCI says RUNNING, and bills it, while its system has shut down'),
    vm: z
      .object({
        lifecycleState: z
          .enum(lifecycleStates)
          .optional()
          .describe('As OCI has it; absent while OCI cannot be asked'),
        reason,
      })
      .describe('First stage: what OCI says'),
    ssh: z
      .object({ ok: z.boolean().describe('It answers, and lets the API in'), reason })
      .describe('Second stage: SSH'),
    docker: z
      .object({
        ok: z.boolean().describe('It answers'),
        version: z
          .string()
          .optional()
          .describe("The engine's own; absent while it does not answer"),
        reason,
      })
      .describe('Third stage: Docker, over SSH'),
    nextStart: z
      .object({
        reason: z.literal('OUT_OF_CAPACITY').describe('OCI had no free host at the last attempt'),
        at: z.iso.datetime().describe('ISO 8601 timestamp'),
      })
      .optional()
      .describe('When a wake that waits tries to start it again'),
    checkedAt: z.iso.datetime().describe('ISO 8601 timestamp'),
  })
  .meta({ id: 'VmReady', description: 'Whether the VM can be used, in stages' });
export type VmReady = z.infer<typeof vmReadySchema>;

export interface PhaseFacts {
  /** Undefined while OCI cannot be asked. */
  readonly lifecycleState: LifecycleState | undefined;
  readonly isConnected: boolean;
  readonly isDockerUp: boolean;
  /** SSH fails in a way that waiting does not change, such as a host key that is not known. */
  readonly isRefused: boolean;
  /** A wake that is under way has not started it yet. */
  readonly isWaking: boolean;
  /** Since the VM was last seen off or on its way; undefined where it was not, or has been ready since. */
  readonly bootingMs: number | undefined;
  /** Since SSH was first found gone. */
  readonly goneMs: number;
  /** The serial console ends in a halt. */
  readonly hasHalted: boolean;
}

/** What a person would say. */
export function toPhase(facts: PhaseFacts): VmPhase {
  switch (facts.lifecycleState) {
    case 'STOPPED':
      return facts.isWaking ? 'waking' : 'asleep';
    case 'STARTING':
    case 'PROVISIONING':
      return 'waking';
    case 'STOPPING':
    case 'TERMINATING':
      return 'stopping';
    case 'TERMINATED':
      return 'unreachable';
    default:
      return toRunningPhase(facts);
  }
}

function toRunningPhase(facts: PhaseFacts): VmPhase {
  const { lifecycleState, isConnected, isDockerUp, isRefused, bootingMs, goneMs, hasHalted } =
    facts;
  if (isConnected && isDockerUp) return 'on';
  const isBooting = bootingMs !== undefined && bootingMs < maxBootMs;
  if (isConnected) return isBooting ? 'waking' : 'on';
  if (isRefused) return 'unreachable';
  if (isBooting || lifecycleState === 'MOVING' || lifecycleState === 'CREATING_IMAGE')
    return 'waking';
  return goneMs >= offInsideMs && hasHalted ? 'off-inside' : 'unreachable';
}

/** Whether a VM in this phase becomes ready only if somebody acts. */
export function isDeadEnd({
  phase,
  vm: { lifecycleState },
  isRefused,
}: Pick<VmReady, 'phase' | 'vm'> & { readonly isRefused: boolean }): boolean {
  if (phase === 'asleep' || phase === 'off-inside') return true;
  if (lifecycleState === 'TERMINATED' || lifecycleState === 'TERMINATING') return true;
  return phase === 'unreachable' && isRefused;
}

/** True when the serial console ends in a halt or a power-off, and nothing booted since. */
export function endsInHalt(console: string): boolean {
  const lines = console.split(/[\r\n]+/);
  const halt = lines.findLastIndex((line) => haltLine.test(line));
  return halt >= 0 && !lines.slice(halt + 1).some((line) => bootLine.test(line));
}

/** Of the kernel, systemd and OpenRC; a restart is none. */
const haltLine =
  /reboot: (?:Power down|System halted)|(?:System|Power) (?:halted|down)\.?$|Powering off|Reached target .*(?:Power-?\s?Off|Halt|poweroff\.target|halt\.target)/i;
const bootLine =
  /Linux version |BdsDxe|UEFI|GRUB|Booting|reboot: Restarting system|systemd\[1\]: Detected|login:\s*$/;
