// Combines the three watches: the VM's state decides whether Docker's stream is opened, and an open stream that jobs are polled.

import type { Clock, Engine, Link } from '../adapter-ports.ts';
import { withDeadline } from '../concurrency/deadline.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { OnDemandEvent } from '../model/event.ts';
import type { LifecycleState } from '../model/vm.ts';
import type { Vm } from '../vm/vm.ts';
import { type StreamRequest, watchContainers } from './container-watch.ts';
import { watchJobs } from './job-watch.ts';
import { watchVm } from './vm-watch.ts';

/** What is watched. */
export interface WatchedWorld {
  readonly vm: Pick<Vm, 'status'>;
  readonly engine: Pick<Engine, 'events'>;
  readonly jobs: Pick<Jobs, 'list'>;
  readonly link: Link;
  readonly clock: Clock;
}

export interface EventWatchOptions extends WatchedWorld {
  readonly publish: (event: OnDemandEvent) => void;
  /** Whether there are listeners now; jobs are polled only then. */
  readonly hasListeners: () => boolean;
  readonly timings: EventTimings;
}

/** Poll intervals and timeouts. */
export interface EventTimings {
  readonly vmTransitionMs: number;
  readonly vmStableMs: number;
  readonly jobsMs: number;
  /** While a job runs. */
  readonly runningJobsMs: number;
  /** Between attempts to open Docker's event stream. */
  readonly minPauseMs: number;
  readonly maxPauseMs: number;
  /** Until a listener is let in although the watch is not on yet. */
  readonly readyMs: number;
  /** How long the watch continues without listeners. */
  readonly lingerMs: number;
}

export interface EventWatch {
  /** Polls now rather than at the next interval. */
  check(what: 'vm' | 'jobs'): void;
  /** Call when there are listeners again: resolves once the watch is on, or after `readyMs`. Never rejects. */
  begin(): Promise<void>;
  /** As `begin` does, for those who come when others are there already. */
  join(): Promise<void>;
  /** Nothing is published from now on; resolves once all has ended. Never rejects. */
  stop(): Promise<void>;
}

/** Starts watching at once, and continues through every failure until it is stopped. */
export function startEventWatch({
  vm,
  engine,
  jobs,
  link,
  clock,
  publish: tell,
  hasListeners,
  timings,
}: EventWatchOptions): EventWatch {
  const controller = new AbortController();
  const { signal } = controller;
  const publish = (event: OnDemandEvent) => {
    if (!signal.aborted) tell(event);
  };
  const containers = watchContainers({
    engine,
    clock,
    publish,
    onOpen: () => void jobsWatch.call(),
    onCut: () => atMost(timings.readyMs, vmWatch.check()),
    minPauseMs: timings.minPauseMs,
    maxPauseMs: timings.maxPauseMs,
    signal,
  });
  const vmWatch = watchVm({
    vm,
    clock,
    publish,
    onSeen: (state) => containers.request(toStreamRequest(state)),
    transitionMs: timings.vmTransitionMs,
    stableMs: timings.vmStableMs,
    signal,
  });
  const jobsWatch = watchJobs({
    jobs,
    clock,
    publish,
    isWanted: () => hasListeners() && link.connected && toStreamRequest(vmWatch.state) !== 'close',
    intervalMs: timings.jobsMs,
    runningIntervalMs: timings.runningJobsMs,
    signal,
  });
  const done = Promise.all([containers.done, vmWatch.done, jobsWatch.done]);

  const beReady = async () => {
    // A VM that is off must not be dialled; one that is connected is on.
    if (!link.connected) await atMost(timings.readyMs / 2, vmWatch.asked);
    containers.request(toStreamRequest(vmWatch.state));
    await Promise.all([vmWatch.asked, containers.settled()]);
    await jobsWatch.call();
  };
  return {
    check: (what) => void (what === 'vm' ? vmWatch.check() : jobsWatch.call()),
    async begin() {
      await atMost(timings.readyMs, beReady());
      containers.rely();
    },
    join: () => atMost(timings.readyMs, containers.settled()),
    async stop() {
      controller.abort();
      await done;
    },
  };
}

/** What is known to run, or may run, is watched; what is on its way down tells of its end. */
function toStreamRequest(state: LifecycleState | undefined): StreamRequest {
  if (state === undefined || state === 'RUNNING') return 'open';
  return state === 'STOPPED' || state === 'TERMINATED' ? 'close' : 'keep';
}

function atMost(durationMs: number, work: Promise<void>): Promise<void> {
  return withDeadline(() => work, { timeoutMs: durationMs, onTimeout: () => undefined }).catch(
    () => {},
  );
}
