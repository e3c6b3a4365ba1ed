// A container in the engine's memory: its configuration and its state.

import { randomBytes } from 'node:crypto';
import { type ContainerLog, createLog } from './logs/log.ts';
import { millisToNanos, type NanoTime } from './logs/nano-time.ts';
import type { Activity } from './simulated-log-lines.ts';

export type RestartPolicyName = 'no' | 'always' | 'unless-stopped' | 'on-failure';

export interface RestartPolicy {
  readonly name: RestartPolicyName;
  readonly maximumRetryCount: number;
}

export interface PortSpec {
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** Absent for a port that is exposed but not published. */
  readonly hostPort?: number;
  /** IPv4 and IPv6 wildcard unless told otherwise. */
  readonly hostIps?: readonly string[];
}

export interface MountSpec {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** How the container's program behaves. */
export interface Behaviour {
  readonly activity?: Activity;
  readonly startTakesMs?: number;
  /** Between the stop signal and the exit. */
  readonly stopTakesMs?: number;
  readonly stopExitCode?: number;
  /** Ignores the stop signal: only SIGKILL ends it, after the grace period. */
  readonly ignoresStop?: boolean;
  /** Exits by itself this long after each start, with `exitCode`. */
  readonly exitsAfterMs?: number;
  readonly exitCode?: number;
  /** `starting` lasts this long in a container with a health check. */
  readonly healthyAfterMs?: number;
  /** Every start fails with this message. */
  readonly startError?: string;
}

export interface ContainerSpec {
  readonly image: string;
  readonly imageId: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly PortSpec[];
  readonly mounts: readonly MountSpec[];
  readonly network: string;
  readonly restart: RestartPolicy;
  readonly tty: boolean;
  readonly healthcheck: readonly string[] | undefined;
  readonly stopSignal: string;
  /** 0 for no limit. */
  readonly memoryLimitBytes: number;
  /** Legacy link names, e.g. `/web/db`. */
  readonly linkNames: readonly string[];
  readonly behaviour: Behaviour;
}

export type HealthStatus = 'starting' | 'healthy' | 'unhealthy';

/** A container as it is now; only the engine changes it, a test may overwrite what is not readonly. */
export interface SandboxContainer {
  readonly id: string;
  name: string;
  readonly spec: ContainerSpec;
  /** created, running, paused, restarting, removing, exited or dead; anything else goes out as it is. */
  status: string;
  exitCode: number;
  error: string;
  health: HealthStatus | undefined;
  pid: number;
  restartCount: number;
  /** Stopped by hand: `unless-stopped` then leaves it alone. */
  manuallyStopped: boolean;
  readonly createdAt: NanoTime;
  startedAt: NanoTime;
  finishedAt: NanoTime;
  readonly log: ContainerLog;
  /** How what is run inside it ends; `hangs`: it does not. */
  execEnd: number | 'hangs';
  /** CPU beyond the little that it always uses: so much of one core since then, and what it had used before. */
  cpu: { readonly percent: number; readonly since: NanoTime; readonly busySeconds: number };
}

/** From now on the container uses so much of one core more. */
export function setCpu(container: SandboxContainer, percent: number, now: NanoTime): void {
  container.cpu = { percent, since: now, busySeconds: toBusySeconds(container, now) };
}

export function toBusySeconds({ cpu }: SandboxContainer, now: NanoTime): number {
  return cpu.busySeconds + (Number(now - cpu.since) / 1e9) * (cpu.percent / 100);
}

/** Where a new container stands; ages are before now. */
export interface ContainerInit extends Partial<Omit<ContainerSpec, 'restart'>> {
  readonly name: string;
  readonly id?: string;
  /** Default `no`; `on-failure:3` for a limit. */
  readonly restart?: RestartPolicyName | `on-failure:${number}`;
  /** Default `running`. */
  readonly status?: string;
  readonly exitCode?: number;
  readonly health?: HealthStatus;
  readonly restartCount?: number;
  readonly createdAgoMs?: number;
  readonly startedAgoMs?: number;
  readonly finishedAgoMs?: number;
}

/** A container that stands as told, with an empty log. */
export function createContainer(init: ContainerInit, now: NanoTime): SandboxContainer {
  const status = init.status ?? 'running';
  const startedAgoMs = init.startedAgoMs ?? 0;
  const ended = status === 'exited' || status === 'dead' || status === 'restarting';
  return {
    id: init.id ?? randomHex(32),
    name: init.name,
    spec: toSpec(init),
    status,
    exitCode: init.exitCode ?? 0,
    error: '',
    health: status === 'running' && init.healthcheck ? (init.health ?? 'healthy') : undefined,
    pid: isActive(status) ? randomPid() : 0,
    restartCount: init.restartCount ?? 0,
    manuallyStopped: false,
    createdAt: now - millisToNanos(init.createdAgoMs ?? startedAgoMs + 400),
    startedAt: status === 'created' ? 0n : now - millisToNanos(startedAgoMs),
    finishedAt: ended ? now - millisToNanos(init.finishedAgoMs ?? 0) : 0n,
    log: createLog(),
    execEnd: 0,
    cpu: { percent: 0, since: now, busySeconds: 0 },
  };
}

/** True while the engine considers it running, pauses and restarts included. */
export function isActive(status: string): boolean {
  return status === 'running' || status === 'paused' || status === 'restarting';
}

export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

export function randomPid(): number {
  return 2_000 + (randomBytes(2).readUInt16BE() % 30_000);
}

function toSpec(init: ContainerInit): ContainerSpec {
  return {
    image: init.image ?? 'busybox:1.37',
    imageId: init.imageId ?? `sha256:${randomHex(32)}`,
    entrypoint: init.entrypoint ?? [],
    command: init.command ?? ['sleep', 'infinity'],
    env: init.env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    labels: init.labels ?? {},
    ports: init.ports ?? [],
    mounts: init.mounts ?? [],
    network: init.network ?? 'bridge',
    restart: toRestartPolicy(init.restart ?? 'no'),
    tty: init.tty ?? false,
    healthcheck: init.healthcheck,
    stopSignal: init.stopSignal ?? 'SIGTERM',
    memoryLimitBytes: init.memoryLimitBytes ?? 0,
    linkNames: init.linkNames ?? [],
    behaviour: init.behaviour ?? {},
  };
}

function toRestartPolicy(text: string): RestartPolicy {
  const [name, count] = text.split(':');
  // The type of `restart` allows only these names before the colon.
  return { name: name as RestartPolicyName, maximumRetryCount: Number(count ?? 0) };
}
