// What the procedures may call: one object a noun, as core builds them.

import type { Containers, Events, Jobs, Vm } from '@ondemand/core';

export interface Services {
  readonly vm: Vm;
  readonly containers: Containers;
  readonly jobs: Pick<Jobs, 'list' | 'get' | 'output' | 'cancel'>;
  readonly events: Pick<Events, 'watch'>;
}
