// The programs inside the containers: they start, talk, get healthy, crash, come back by their policy, and end.

import { isActive, randomPid, type SandboxContainer } from './container.ts';
import { millisToNanos, type NanoClock, nanosToMillis } from './logs/nano-time.ts';
import type { Line } from './simulated-log-lines.ts';

export interface Processes {
  /** The container's program runs from now on. */
  launch(container: SandboxContainer): void;
  /** Gives a container that is said to be active its program, without changing what it says. */
  adopt(container: SandboxContainer): void;
  /** The program ends with this code; its restart policy applies unless `final`. */
  exit(container: SandboxContainer, exitCode: number, options: { readonly final: boolean }): void;
  /** Forgets the program and its timers without a word, as pulling the plug does. */
  forget(container: SandboxContainer): void;
  /** Resolves when the program that runs now has ended, however it ends. */
  ended(container: SandboxContainer): Promise<void>;
  /** Runs after a time, unless the program ends before. */
  after(container: SandboxContainer, ms: number, work: () => void): void;
  say(container: SandboxContainer, lines: readonly Line[]): void;
}

export interface ProcessesOptions {
  readonly clock: NanoClock;
  readonly emit: (
    container: SandboxContainer,
    action: string,
    attributes?: Readonly<Record<string, string>>,
  ) => void;
}

interface Process {
  readonly timers: Set<NodeJS.Timeout>;
  readonly ended: Promise<void>;
  readonly end: () => void;
}

const longRunMs = 10_000;
const firstDelayMs = 100;
const maxDelayMs = 60_000;

/** No program runs yet; all timers are unref'd. */
export function createProcesses({ clock, emit }: ProcessesOptions): Processes {
  const running = new Map<string, Process>();
  const delays = new Map<string, number>();

  const open = (container: SandboxContainer): Process => {
    forget(container);
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const process = { timers: new Set<NodeJS.Timeout>(), ended, end };
    running.set(container.id, process);
    return process;
  };
  // A test may have said that a container runs: then it has a program as soon as one is asked for.
  const processOf = (container: SandboxContainer): Process =>
    running.get(container.id) ?? open(container);
  const forget = (container: SandboxContainer): void => {
    const process = running.get(container.id);
    running.delete(container.id);
    for (const timer of process?.timers ?? []) clearTimeout(timer);
    process?.end();
  };
  const after = (container: SandboxContainer, ms: number, work: () => void): void => {
    const { timers } = processOf(container);
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer.unref());
  };
  const say = (container: SandboxContainer, lines: readonly Line[]): void => {
    for (const line of lines) {
      const time = clock() - millisToNanos(line.earlierMs ?? 0);
      container.log.append(line.stream, `${line.text}\n`, time);
    }
  };
  const watch = (container: SandboxContainer): void => {
    const { exitsAfterMs, exitCode, healthyAfterMs } = container.spec.behaviour;
    if (container.health === 'starting') {
      after(container, healthyAfterMs ?? 1_500, () => {
        container.health = 'healthy';
        emit(container, 'health_status: healthy');
      });
    }
    if (exitsAfterMs !== undefined) {
      after(container, exitsAfterMs, () => exit(container, exitCode ?? 0, { final: false }));
    }
  };
  const launch = (container: SandboxContainer): void => {
    open(container);
    container.status = 'running';
    container.exitCode = 0;
    container.error = '';
    container.pid = randomPid();
    container.startedAt = clock();
    container.health = container.spec.healthcheck ? 'starting' : undefined;
    emit(container, 'start');
    say(container, container.spec.behaviour.activity?.starting(new Date()) ?? []);
    watch(container);
  };
  const scheduleRestart = (container: SandboxContainer, delayMs: number): void => {
    open(container);
    after(container, delayMs, () => {
      container.restartCount += 1;
      launch(container);
    });
  };
  const exit: Processes['exit'] = (container, exitCode, { final }) => {
    const ranMs = nanosToMillis(clock() - container.startedAt);
    container.exitCode = exitCode;
    container.finishedAt = clock();
    container.pid = 0;
    container.health = undefined;
    const again = !final && restarts(container);
    container.status = again ? 'restarting' : 'exited';
    container.log.endRun(clock());
    forget(container);
    emit(container, 'die', { exitCode: String(exitCode) });
    if (!again) {
      delays.delete(container.id);
      return;
    }
    const last = ranMs > longRunMs ? undefined : delays.get(container.id);
    const delayMs = last === undefined ? firstDelayMs : Math.min(last * 2, maxDelayMs);
    delays.set(container.id, delayMs);
    scheduleRestart(container, delayMs);
  };

  return {
    launch,
    adopt(container) {
      if (!isActive(container.status)) return;
      if (container.status === 'restarting') {
        delays.set(container.id, maxDelayMs);
        const waitedMs = nanosToMillis(clock() - container.finishedAt);
        scheduleRestart(container, Math.max(maxDelayMs - waitedMs, firstDelayMs));
        return;
      }
      open(container);
      watch(container);
    },
    exit,
    forget,
    ended: (container) => processOf(container).ended,
    after,
    say,
  };
}

function restarts({ spec, exitCode, restartCount, manuallyStopped }: SandboxContainer): boolean {
  const { name, maximumRetryCount } = spec.restart;
  if (manuallyStopped || name === 'no') return false;
  if (name !== 'on-failure') return true;
  return exitCode !== 0 && (maximumRetryCount === 0 || restartCount < maximumRetryCount);
}
