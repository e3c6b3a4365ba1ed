// The in-memory state of the instance, shared by OCI, the VM and the tests.

import { randomBytes } from 'node:crypto';

/** OCI's instance states: https://docs.oracle.com/iaas/api/#/en/iaas/20160918/Instance/ */
export type LifecycleState =
  | 'MOVING'
  | 'PROVISIONING'
  | 'RUNNING'
  | 'STARTING'
  | 'STOPPING'
  | 'STOPPED'
  | 'CREATING_IMAGE'
  | 'TERMINATING'
  | 'TERMINATED';

/** The instance as it is now; a new object after each change, so an old one stays what it was. */
export interface WorldInstance {
  readonly id: string;
  readonly compartmentId: string;
  readonly vnicId: string;
  readonly displayName: string;
  readonly lifecycleState: LifecycleState;
  /** 64 hex digits, new at each change of the instance. */
  readonly etag: string;
  readonly timeCreated: string;
}

/** How long each transition takes; may be set at any time and holds from the next transition on. */
export interface Durations {
  /** STARTING before RUNNING. */
  startMs: number;
  /** STOPPING before STOPPED (STOP), or before RUNNING again (RESET). */
  stopMs: number;
  /** STOPPING before STOPPED (SOFTSTOP), or before RUNNING again (SOFTRESET). */
  softStopMs: number;
  /** RUNNING before sshd listens. */
  bootMs: number;
}

export interface WorldOptions {
  readonly lifecycleState?: LifecycleState;
  readonly displayName?: string;
  /** Where the VM is reachable; `null` for a VM without a public IP. */
  readonly publicIp?: string | null;
  readonly durations?: Partial<Durations>;
}

export interface LifecycleChange {
  readonly from: LifecycleState;
  readonly to: LifecycleState;
}

export interface World {
  readonly instance: WorldInstance;
  readonly tenancyId: string;
  readonly userId: string;
  readonly region: string;
  /** The primary VNIC's public IPv4; undefined while it has none. */
  readonly publicIp: string | undefined;
  readonly durations: Durations;
  /** Moves the instance, gives it a new etag and then tells the listeners; the same state again is no change. */
  setLifecycleState(state: LifecycleState): void;
  /** Gives the instance a new etag without any other change, as a rename in the console would. */
  touch(): void;
  setPublicIp(ip: string | undefined): void;
  /** Called after each change of state, in order; the returned function ends it. */
  onLifecycle(listener: (change: LifecycleChange) => void): () => void;
  /** Called after each change of the public IP; the returned function ends it. */
  onPublicIp(listener: (ip: string | undefined) => void): () => void;
}

const defaultDurations: Durations = { startMs: 300, stopMs: 300, softStopMs: 600, bootMs: 300 };

/** A world with one instance, RUNNING at 127.0.0.1 unless told otherwise; it changes only when told to and holds no timer. */
export function createWorld(options: WorldOptions = {}): World {
  const lifecycleListeners = new Set<(change: LifecycleChange) => void>();
  const publicIpListeners = new Set<(ip: string | undefined) => void>();
  const region = 'eu-marseille-1';
  let publicIp = options.publicIp === null ? undefined : (options.publicIp ?? '127.0.0.1');
  let instance: WorldInstance = {
    id: createOcid('instance', region),
    compartmentId: createOcid('compartment'),
    vnicId: createOcid('vnic', region),
    displayName: options.displayName ?? 'oci-flex',
    lifecycleState: options.lifecycleState ?? 'RUNNING',
    etag: createEtag(),
    timeCreated: '2026-01-12T08:30:00.123Z',
  };

  return {
    get instance() {
      return instance;
    },
    tenancyId: createOcid('tenancy'),
    userId: createOcid('user'),
    region,
    get publicIp() {
      return publicIp;
    },
    durations: { ...defaultDurations, ...options.durations },
    setLifecycleState(state) {
      const from = instance.lifecycleState;
      if (from === state) return;
      instance = { ...instance, lifecycleState: state, etag: createEtag() };
      for (const listener of [...lifecycleListeners]) listener({ from, to: state });
    },
    touch() {
      instance = { ...instance, etag: createEtag() };
    },
    setPublicIp(ip) {
      if (publicIp === ip) return;
      publicIp = ip;
      for (const listener of [...publicIpListeners]) listener(ip);
    },
    onLifecycle: (listener) => subscribe(lifecycleListeners, listener),
    onPublicIp: (listener) => subscribe(publicIpListeners, listener),
  };
}

/** An identifier in Oracle's form: https://docs.oracle.com/iaas/Content/General/Concepts/identifiers.htm */
export function createOcid(kind: string, region = ''): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  const unique = Array.from(randomBytes(60), (byte) => alphabet[byte % 32]).join('');
  return `ocid1.${kind}.oc1.${region}.${unique}`;
}

function createEtag(): string {
  return randomBytes(32).toString('hex');
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
