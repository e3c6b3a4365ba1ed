// The VM service: its state, and the four power actions.

import type { CallOptions, Clock, Compute, Instance, Link, ReadOptions } from '../adapter-ports.ts';
import { AppError, isAppError } from '../app-error.ts';
import { createSingleFlight } from '../concurrency/single-flight.ts';
import type { ErrorText } from '../error-texts.ts';
import {
  checkAction,
  provesAction,
  type VmAction,
  type VmActionResult,
  type VmState,
  vmId,
} from '../model/vm.ts';
import { createPublicAddress } from './public-address.ts';

export interface VmOptions {
  readonly compute: Compute;
  readonly clock: Clock;
  readonly link: Link;
  /** Called each time an action was sent, whatever came of it: the VM's state may change now. */
  readonly onAction?: () => void;
  /** Called when OCI shows another version of the VM than before: somebody may have restarted it between two reads. */
  readonly onNewVersion?: () => void;
  /** Called when OCI took an action. */
  readonly onInitiated?: (action: VmAction) => void;
  /** Called when the address becomes unreadable; the state is reported without it. */
  readonly onAddressUnreadable?: (error: unknown) => void;
  /** How long one read of the VM may take altogether. */
  readonly statusDeadlineMs?: number;
  /** How long the state waits for the address. */
  readonly addressDeadlineMs?: number;
}

/**
 * Actions throw `CONFLICT` with `details.lifecycleState` when they make no sense in the VM's state or lost against another one, and never use SSH.
 * An action that was sent goes on when the caller leaves. Everything throws `SERVICE_UNAVAILABLE` and `INTERNAL_ERROR` as `Compute` does.
 */
export interface Vm {
  /**
   * Shared by all who ask at the same time, and asked for after they came; the address may be a minute old, where the instance is still as it was.
   * Without `ip` when there is none, when it cannot be read, and where only the state is waited for (`address: false`), which asks for none.
   */
  status(options?: { readonly address?: boolean } & ReadOptions): Promise<VmState>;
  start(options?: CallOptions): Promise<VmActionResult>;
  /** At once; `soft` asks the operating system to shut down, which can take 15 minutes. */
  stop(options?: StopOptions): Promise<VmActionResult>;
  /** A graceful restart of the operating system. */
  reboot(options?: CallOptions): Promise<VmActionResult>;
  /** A power cycle: what the VM had not written is lost. */
  reset(options?: CallOptions): Promise<VmActionResult>;
}

export interface StopOptions extends CallOptions {
  readonly soft?: boolean | undefined;
  /** Called once the ETag was read that the stop is sent with; what it throws ends it, and nothing is sent. */
  readonly confirm?: (() => Promise<void>) | undefined;
}

/** What OCI does not tell: since when the VM has been in its state. */
interface Observation {
  readonly lifecycleState: Instance['lifecycleState'];
  readonly sinceMs: number;
}

interface ObservedInstance extends Instance {
  /** How long it has been in its state, as far as this process knows. */
  readonly inTransitionMs: number;
}

/**
 * Builds the service.
 * OCI does not tell since when a transition lasts. It counts from the action of this process that it followed, else from the first read of this process
 * that showed it, as long as none showed another state; a new version in between, as a rename makes, is still the same transition.
 *
 * @example
 * const vm = createVm({ compute, clock: systemClock, link });
 * const { lifecycleState, ip } = await vm.status();
 */
export function createVm({
  compute,
  clock,
  link,
  onAction,
  onNewVersion,
  onInitiated,
  onAddressUnreadable = () => {},
  statusDeadlineMs = 30_000,
  addressDeadlineMs = 5000,
}: VmOptions): Vm {
  const reads = createSingleFlight({ deadlineMs: statusDeadlineMs });
  const address = createPublicAddress({
    compute,
    clock,
    deadlineMs: addressDeadlineMs,
    onUnreadable: onAddressUnreadable,
  });
  let observation: Observation | undefined;
  let lastEtag: string | undefined;
  /** The last action that OCI took, with the version it was sent for, until a later version is seen. */
  let sent: { readonly etag: string; readonly atMs: number } | undefined;

  return {
    status({ address: isWanted = true, ...caller } = {}) {
      return isWanted
        ? reads.read(`the state of ${vmId}`, readStatus, caller)
        : reads.read(`the power of ${vmId}`, readState, caller);
    },
    start: (options) => act('START', options),
    stop: ({ soft = false, ...options } = {}) => act(soft ? 'SOFTSTOP' : 'STOP', options),
    reboot: (options) => act('SOFTRESET', options),
    reset: (options) => act('RESET', options),
  };

  async function readState(signal: AbortSignal): Promise<VmState> {
    return (await seeState(signal)).state;
  }

  async function readStatus(signal: AbortSignal): Promise<VmState> {
    const failed = new AbortController();
    const both = { signal: AbortSignal.any([signal, failed.signal]) };
    try {
      const finding = address.isKnown() ? undefined : address.find(both);
      const [{ state, instance }, found] = await Promise.all([seeState(both.signal), finding]);
      let ip = finding === undefined ? address.of(instance) : found;
      if (finding === undefined && ip === undefined) ip = await address.find(both);
      address.remember(ip, instance);
      return ip === undefined ? state : { ...state, ip };
    } finally {
      // The other half's result would not be used.
      failed.abort();
    }
  }

  async function seeState(signal: AbortSignal) {
    const lastCheck = clock.now().toISOString();
    const instance = await observe({ signal });
    const { lifecycleState, displayName } = instance;
    return { instance, state: { vmId, lifecycleState, displayName, lastCheck } as const };
  }

  async function act(
    action: VmAction,
    { signal, confirm }: Pick<StopOptions, 'signal' | 'confirm'> = {},
  ): Promise<VmActionResult> {
    const before = await observe({ signal });
    const check = checkAction(action, before.lifecycleState, before);
    if (!check.allowed) throw toConflict(check, before);
    await confirm?.();
    signal?.throwIfAborted();
    try {
      // Without the caller's signal: once sent, it happens, and what follows from it must too.
      await compute.act(action, { etag: before.etag });
    } catch (error) {
      if (isAppError(error, 'CONFLICT')) throw await explainConflict(action, before, error);
      if (!isOutcomeUnknown(error)) throw error;
      await proveOrThrow(action, before, error);
    } finally {
      onAction?.();
    }
    sent = { etag: before.etag, atMs: clock.elapsedMs() };
    onInitiated?.(action);
    link.drop(`${action} was sent to ${vmId}`);
    return { action, status: 'initiated', vmId };
  }

  async function observe(options: CallOptions): Promise<ObservedInstance> {
    const instance = await compute.getInstance(options);
    const { lifecycleState, etag } = instance;
    const nowMs = clock.elapsedMs();
    const cause = sent?.etag === etag ? undefined : sent;
    if (observation?.lifecycleState !== lifecycleState) {
      observation = { lifecycleState, sinceMs: cause?.atMs ?? nowMs };
    }
    if (cause !== undefined) sent = undefined;
    const isNewVersion = lastEtag !== undefined && lastEtag !== etag;
    lastEtag = etag;
    if (isNewVersion) onNewVersion?.();
    return { ...instance, inTransitionMs: nowMs - observation.sinceMs };
  }

  /** The refusal in terms of the VM's present state; when that cannot be read, with the state that the action was sent for. */
  async function explainConflict(
    action: VmAction,
    before: ObservedInstance,
    refusal: AppError<'CONFLICT'>,
  ): Promise<AppError> {
    const now = await observe({}).catch(() => undefined);
    if (now === undefined) return toConflict(refusal, before, refusal);
    const check = checkAction(action, now.lifecycleState, now);
    if (!check.allowed) return toConflict(check, now, refusal);
    const message = `VM in transition: something else is changing ${vmId}, which is ${now.lifecycleState}, so ${action} was refused; try again in a moment`;
    return toConflict({ text: 'VM in transition', message }, now, refusal);
  }

  async function proveOrThrow(
    action: VmAction,
    before: ObservedInstance,
    lost: AppError,
  ): Promise<void> {
    const now = await observe({}).catch(() => undefined);
    if (now !== undefined && provesAction(action, before.lifecycleState, now.lifecycleState)) {
      return;
    }
    // A VM that was started all the same may have a new address; a link to a VM that is off is worth nothing.
    if (action === 'START') link.drop(`${action} may have been sent to ${vmId}`);
    const found = now === undefined ? 'cannot be looked at either' : `is ${now.lifecycleState}`;
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      `OCI's answer to ${action} was lost and ${vmId} ${found}: whether it takes place is unknown; look at its state before you repeat it`,
      {
        text: 'Outcome unknown',
        details: {
          ...lost.details,
          outcome: 'unknown',
          ...(now !== undefined && { lifecycleState: now.lifecycleState }),
        },
        cause: lost,
      },
    );
  }
}

function toConflict(
  { text, message }: { readonly text: ErrorText<'CONFLICT'>; readonly message: string },
  { lifecycleState }: Instance,
  cause?: unknown,
): AppError {
  return new AppError('CONFLICT', message, { text, details: { lifecycleState }, cause });
}

function isOutcomeUnknown(error: unknown): error is AppError {
  return isAppError(error, 'SERVICE_UNAVAILABLE') && error.details.outcome === 'unknown';
}
