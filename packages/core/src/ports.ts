// What the services need from the outside world; adapters implement these, services see nothing else.

import type { Container } from './model/container.ts';
import type { LifecycleState, VmAction } from './model/vm.ts';

/** Every call that waits takes the caller's signal; aborting it stops the work, or at least the wait for it. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface Clock {
  now(): Date;
}

export interface Instance {
  readonly lifecycleState: LifecycleState;
  readonly displayName: string;
  /** OCI's version of the instance, for `if-match`. */
  readonly etag: string;
}

/** The VM as OCI sees it. Throws `SERVICE_UNAVAILABLE` (OCI down or throttling) and `INTERNAL_ERROR` (our credentials or instance id refused). */
export interface Compute {
  getInstance(options?: CallOptions): Promise<Instance>;
  /** The public IPv4 of the primary VNIC; undefined while it has none. */
  getPublicIp(options?: CallOptions): Promise<string | undefined>;
  /**
   * Sends an action with `if-match`. Throws `CONFLICT` when the instance is no longer at `etag` or refuses in its state.
   * `SERVICE_UNAVAILABLE` with `details.outcome` `'unknown'` means that it was sent and its answer lost: look before it is repeated.
   */
  act(action: VmAction, options: { readonly etag: string } & CallOptions): Promise<void>;
}

/** The connection to the VM that engine and shell share. */
export interface Link {
  /** True while an authenticated connection is open, as far as is known. */
  readonly connected: boolean;
  /** Closes the connection at once and forgets the address and any back-off; the next use connects anew. */
  drop(reason: string): void;
}

/** A container as the engine lists it: what callers see, and what actions need. */
export interface EngineContainer extends Container {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Docker's Engine API. Throws `NOT_FOUND`, `CONFLICT` (paused, removing, dead) and `SERVICE_UNAVAILABLE` (VM or Docker out of reach). */
export interface Engine {
  /** All containers in all states, unsorted. */
  list(options?: CallOptions): Promise<readonly EngineContainer[]>;
  /** `changed` is false when it was running already. */
  start(id: string, options?: CallOptions): Promise<{ readonly changed: boolean }>;
  /** `changed` is false when it was stopped already. */
  stop(id: string, options?: CallOptions): Promise<{ readonly changed: boolean }>;
  restart(id: string, options?: CallOptions): Promise<void>;
  /** The last `lines` lines, stdout and stderr in order. */
  logs(id: string, options: { readonly lines: number } & CallOptions): Promise<string>;
}

export interface CommandResult {
  readonly exitCode: number;
  /** The last part of stdout and stderr, in the order they came. */
  readonly output: string;
}

export interface CommandOptions extends CallOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Commands on the VM: an argument vector, quoted part by part, never a shell line. Throws `SERVICE_UNAVAILABLE`. */
export interface Shell {
  run(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
}
