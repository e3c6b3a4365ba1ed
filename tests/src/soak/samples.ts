// What is seen of the server's process during a soak, by its own metrics.

import { readResidentBytes } from '../support/memory.ts';

export interface Sample {
  /** Since the soak began. */
  readonly atMs: number;
  readonly residentBytes: number;
  readonly handles: number;
  readonly sshChannels: number;
  readonly eventLoopP99Ms: number;
}

export async function takeSample(
  metricsUrl: string,
  { pid, atMs }: { readonly pid: number; readonly atMs: number },
): Promise<Sample> {
  const text = await (await fetch(metricsUrl)).text();
  const read = (name: string): number => {
    const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`The metrics lack ${name}`);
    return Number(value);
  };
  return {
    atMs,
    residentBytes: await readResidentBytes(pid),
    handles: read('nodejs_active_handles_total'),
    sshChannels: read('ondemand_ssh_channels'),
    eventLoopP99Ms: read('nodejs_eventloop_lag_p99_seconds') * 1000,
  };
}
