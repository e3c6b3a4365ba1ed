// What the procedures may call: one object a noun, as core builds them.

import type {
  CallOptions,
  Containers,
  Diagnose,
  Events,
  Idle,
  Jobs,
  Leases,
  Readiness,
  SerialConsole,
  Vm,
  VmAddress,
  Waker,
} from '@ondemand/core';

export interface Services {
  readonly vm: Vm;
  readonly readiness: Pick<Readiness, 'check' | 'watch'>;
  readonly waker: Pick<Waker, 'wake' | 'ensureAwake'>;
  readonly console: SerialConsole;
  readonly ssh: { address(options: CallOptions): Promise<VmAddress> };
  readonly containers: Containers;
  readonly jobs: Pick<Jobs, 'list' | 'get' | 'output' | 'cancel'>;
  readonly events: Pick<Events, 'watch'>;
  readonly idle: Pick<Idle, 'verdict' | 'noteAction'>;
  readonly diagnosis: Diagnose;
  readonly leases: Pick<Leases, 'take' | 'release' | 'holdWhileRead'>;
}
