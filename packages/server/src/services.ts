// What the procedures may call: one object a noun, as core builds them.

import type {
  CallOptions,
  Container,
  ContainerActionResult,
  ContainerLogs,
  VmActionResult,
  VmState,
} from '@ondemand/core';

export interface Services {
  readonly vm: {
    status(options?: CallOptions): Promise<VmState>;
    start(): Promise<VmActionResult>;
    stop(): Promise<VmActionResult>;
    reboot(): Promise<VmActionResult>;
    reset(): Promise<VmActionResult>;
  };
  readonly containers: {
    list(options?: CallOptions): Promise<Container[]>;
    status(name: string, options?: CallOptions): Promise<Container>;
    start(name: string): Promise<ContainerActionResult>;
    stop(name: string): Promise<ContainerActionResult>;
    restart(name: string): Promise<ContainerActionResult>;
    rebuild(name: string): Promise<ContainerActionResult>;
    logs(name: string, options: { lines: number } & CallOptions): Promise<ContainerLogs>;
  };
}
