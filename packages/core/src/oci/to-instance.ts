// OCI's instance as our port describes it, whatever a newer OCI may add.

import type { Instance } from '../adapter-ports.ts';
import { type LifecycleState, lifecycleStates, vmId } from '../model/vm.ts';

/** The part of OCI's Instance that we read, before anything about it is believed. */
export interface RawInstance {
  readonly lifecycleState?: unknown;
  readonly displayName?: unknown;
  readonly shape?: unknown;
}

/** Undefined when it is no instance at all (no lifecycle state). */
export function toInstance(
  raw: RawInstance | null | undefined,
  etag: string | undefined,
): Instance | undefined {
  if (typeof raw?.lifecycleState !== 'string') return undefined;
  return {
    lifecycleState: toLifecycleState(raw.lifecycleState),
    displayName: typeof raw.displayName === 'string' ? raw.displayName : vmId,
    etag: etag ?? '',
    ...(typeof raw.shape === 'string' && /^[\w.-]{1,64}$/.test(raw.shape) && { shape: raw.shape }),
  };
}

/** A state that OCI invents later reads as MOVING: the one known state that claims neither on nor off, and in which no action is allowed. */
export function toLifecycleState(value: string): LifecycleState {
  return lifecycleStates.find((state) => state === value) ?? 'MOVING';
}
