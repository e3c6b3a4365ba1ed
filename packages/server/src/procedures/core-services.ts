// What the procedures may call: one object a noun, as core builds them.

import type { Containers, Events, Jobs, Leases, Vm } from '@ondemand/core';

export interface Services {
  readonly vm: Vm;
  readonly containers: Containers;
  readonly jobs: Pick<Jobs, 'list' | 'get' | 'output' | 'cancel'>;
  readonly events: Pick<Events, 'watch'>;
  readonly leases: Pick<Leases, 'take' | 'release' | 'holdWhileRead'>;
}
