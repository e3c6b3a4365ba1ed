// What the procedures may call: one object a noun, as core builds them.

import type { Containers, Vm } from '@ondemand/core';

export interface Services {
  readonly vm: Vm;
  readonly containers: Containers;
}
