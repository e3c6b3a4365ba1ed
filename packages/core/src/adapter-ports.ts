// What the services need from the outside world; adapters implement these, services see nothing else.

import type { AppError } from './app-error.ts';
import type { Container } from './model/container.ts';
import type { SignalName, StopCause } from './model/idle.ts';
import type { ContainerInspection, ContainerStats } from './model/inspection.ts';
import type { Job, JobKind, JobState } from './model/job.ts';
import type { LogLine, LogTail, LogTime } from './model/log-line.ts';
import type { CountBytes, LogText } from './model/log-text-in-pieces.ts';
import type { TcpEnd } from './model/tcp-endpoint.ts';
import type { LifecycleState, VmAction, VmConsole } from './model/vm.ts';

/** Every call that waits takes the caller's signal; aborting it stops the work, or at least the wait for it. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What a caller may have worked on at once: who joins a call of another takes no place in it. */
export interface ReadShare {
  /** Whose it is. */
  readonly owner: string;
  /** Resolves once there is a place; what it gives frees it, once. Rejects with the signal's reason, and when that takes too long. */
  enter(signal: AbortSignal): Promise<() => void>;
}

export interface ReadOptions extends CallOptions {
  /** Without one there is no bound. */
  readonly share?: ReadShare | undefined;
}

export interface Clock {
  /** The time of day; may jump, also backwards. */
  now(): Date;
  /** Milliseconds since some moment; never set back, so fit for ages and deadlines. */
  elapsedMs(): number;
}

export interface Instance {
  readonly lifecycleState: LifecycleState;
  readonly displayName: string;
  /** OCI's version of the instance, for `if-match`. */
  readonly etag: string;
  /** Such as `VM.Standard.A1.Flex`. */
  readonly shape?: string | undefined;
}

/** The VM as OCI sees it. Throws `SERVICE_UNAVAILABLE` (OCI down or throttling) and `INTERNAL_ERROR` (our credentials or instance id refused). */
export interface Compute {
  getInstance(options?: CallOptions): Promise<Instance>;
  /** The public IPv4 of the primary VNIC; undefined while it has none. */
  getPublicIp(options?: CallOptions): Promise<string | undefined>;
  /**
   * Sends an action with `if-match`. Throws `CONFLICT` when the instance is no longer at `etag` or refuses in its state.
   * `SERVICE_UNAVAILABLE` with `details.outcome` `'unknown'` means that it was sent and its answer lost: check before you repeat it.
   */
  act(action: VmAction, options: { readonly etag: string } & CallOptions): Promise<void>;
}

/** What the VM prints where nothing else is heard of it. Throws as `Compute`. */
export interface SerialConsole {
  /** The last lines, captured now, for all who ask at the same time; takes up to a minute. */
  readConsole(options: { readonly lines: number } & ReadOptions): Promise<VmConsole>;
}

/** The connection to the VM that engine and shell share. */
export interface Link {
  /** True while an authenticated connection is open, as far as is known. */
  readonly connected: boolean;
  /** Closes the connection at once and forgets the address and any back-off; the next use reconnects. */
  drop(reason: string): void;
}

/** A container as the engine lists it: what callers see, and what actions need. */
export interface EngineContainer extends Container {
  readonly id: string;
  /** Those of Compose and our own. */
  readonly labels: Readonly<Record<string, string>>;
  /** The id of the container whose network it shares. */
  readonly networkOf?: string | undefined;
}

/** Docker's Engine API. Throws `NOT_FOUND`, `CONFLICT` (paused, removing, dead) and `SERVICE_UNAVAILABLE` (VM or Docker out of reach). */
export interface Engine {
  /** All containers in all states, unsorted; with `name` only those that may be meant by it, asked for by it. */
  list(
    options?: {
      readonly name?: string | undefined;
      /** Called when the request goes out; until then it may wait for a connection. */
      readonly onSend?: (() => void) | undefined;
    } & CallOptions,
  ): Promise<readonly EngineContainer[]>;
  /** `changed` is false when it was running already. */
  start(id: string, options?: CallOptions): Promise<{ readonly changed: boolean }>;
  /** `changed` is false when it was stopped already. */
  stop(id: string, options?: CallOptions): Promise<{ readonly changed: boolean }>;
  restart(id: string, options?: CallOptions): Promise<void>;
  /** The last `lines` lines, stdout and stderr in order. */
  logs(id: string, options: LogsOptions): Promise<LogText>;
  inspect(id: string, options?: CallOptions): Promise<ContainerInspection>;
  /** One sample, over about a second; zeros for a container that does not run. */
  stats(id: string, options?: CallOptions): Promise<ContainerStats>;
  /**
   * A log as it grows, in the order the engine gives it. Resolves once the engine answers.
   * Ends when the container stops, or at the log's end without `follow`; throws `SERVICE_UNAVAILABLE` when it was cut.
   * What is not read is not fetched: a slow reader costs no memory.
   */
  followLog(id: string, options: FollowLogOptions): Promise<AsyncIterable<readonly StampedLine[]>>;
  /** What happens to containers from now on, or from `since` on as far as the engine remembers. Resolves once the engine answers; throws when it is cut, and ends when the engine ends it. */
  events(options: EngineEventsOptions): Promise<AsyncIterable<EngineEvent>>;
}

export interface LogsOptions extends CallOptions {
  readonly lines: number;
  /** Of more, the newest lines that fit; `maxLogBytes` if left out. */
  readonly maxBytes?: number | undefined;
  /** Told of what is held until the promise settles; what it throws ends the reading. */
  readonly countBytes?: CountBytes | undefined;
}

export interface FollowLogOptions extends CallOptions {
  readonly tail: LogTail;
  /** Inclusive, to the nanosecond. */
  readonly since?: LogTime | undefined;
  readonly follow: boolean;
}

export interface StampedLine extends Pick<LogLine, 'line' | 'stream'> {
  readonly at: LogTime;
  /** The time of a long line that had begun before this one and not yet ended: to have it whole, the log has to be asked for from then on. */
  readonly unfinishedSince?: LogTime | undefined;
}

export interface EngineEventsOptions extends CallOptions {
  /** Inclusive. */
  readonly since?: LogTime | undefined;
}

export interface EngineEvent {
  readonly at: LogTime;
  readonly containerId: string;
  /** Docker's action, such as `start` or `health_status: healthy`. */
  readonly action: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface CommandResult {
  readonly exitCode: number;
  /** The last part of stdout and stderr, in the order they came. */
  readonly output: string;
}

export interface CommandOptions extends CallOptions {
  /** It changes nothing that matters, so it can be repeated, and leaves some places for commands that do. */
  readonly isRead?: boolean | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Commands on the VM: an argument vector, quoted part by part, never a shell line. Throws `SERVICE_UNAVAILABLE`. */
export interface Shell {
  run(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
}

export interface RebuildOptions extends CallOptions {
  /** The containers on the VM: how many the service has, and who shares their network. */
  readonly all?: readonly EngineContainer[] | undefined;
}

/** What to run for a job, and what no other job may do at the same time. */
export interface JobPlan {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Of two jobs with the same lock one is refused; fit for a file's name. */
  readonly lock: string;
}

/** Who asked for a job; kept with it on the VM. */
export interface JobCaller {
  readonly sub: string;
  readonly clientId: string;
  readonly requestId: string;
}

/** The words that repeat a value of a container's environment. */
export interface EnvironmentWords {
  /** When the container was created, whose environment never changes from then on; ISO 8601. */
  readonly createdAt: string;
  readonly words: readonly string[];
}

export interface JobRequest extends JobPlan {
  /** Of its container before it starts; kept with it, encrypted. */
  readonly secrets?: EnvironmentWords | undefined;
  readonly by?: JobCaller | undefined;
  readonly id: string;
  readonly kind: JobKind;
  readonly target: string;
}

export interface JobRecord extends Omit<Job, 'output'> {
  /** Where they were asked for, and are kept and readable. */
  readonly secrets?: EnvironmentWords | undefined;
  /** Of its output so far. */
  readonly outputBytes: number;
  /** The newest of its output, as it was written. */
  readonly outputTail: Uint8Array;
}

/** A part of a job's output that is wanted. */
export interface JobSpan {
  readonly id: string;
  readonly offset: number;
}

export interface JobReading extends JobSpan {
  /** `undefined` when there is no such job. */
  readonly state: JobState | undefined;
  readonly bytes: Uint8Array;
  /** True when the job has ended and `bytes` reaches the end of its output. */
  readonly done: boolean;
}

/** Work on the VM that needs no connection to go on. Throws `SERVICE_UNAVAILABLE`. */
export interface JobHost {
  /**
   * Resolves once it runs. Throws `CONFLICT` with `details.job` when its lock is held, and `INTERNAL_ERROR` when the VM cannot start it.
   * When the answer is lost, the job is searched for: `details.outcome` `'unknown'` means that this failed too, every other error that nothing was started.
   */
  start(request: JobRequest, options?: CallOptions): Promise<JobStart>;
  /**
   * Ends what runs for it: TERM, and KILL for what is left after a grace. Resolves with its state once it has ended, `cancelled` unless it had ended before;
   * `running` when even that did not end it, `undefined` when there is no such job. Throws `CONFLICT` when its processes are not known.
   */
  cancel(id: string): Promise<JobState | undefined>;
  /** Those that are kept, in no order; without `id`, all. */
  list(
    options: {
      readonly id?: string;
      readonly tailBytes: number;
      readonly secrets?: boolean;
    } & CallOptions,
  ): Promise<readonly JobRecord[]>;
  /** What each job has past its offset, each in bounded pieces, and of many spans of one job those that come first; waits up to `waitMs` until at least one has something, has ended, or is not there. */
  read(
    spans: readonly JobSpan[],
    options: { readonly waitMs: number } & CallOptions,
  ): Promise<readonly JobReading[]>;
}

export interface JobStart {
  /** ISO 8601, by the VM's clock. */
  readonly startedAt: string;
}

/** Who took a lease, and what for; kept with it on the VM. */
export interface LeaseOwner {
  readonly sub: string;
  readonly clientId: string;
  readonly reason: string;
}

/** Times are seconds of the VM's clock. */
export interface LeaseRecord extends LeaseOwner {
  readonly id: string;
  readonly since: number;
  /** Past for one that has expired or was ended, which is kept for an hour. */
  readonly until: number;
}

/** Leases as the VM keeps them, and its time when they were read. */
export interface LeaseList {
  readonly now: number;
  readonly leases: readonly LeaseRecord[];
}

/** Leases on the VM. Throws `SERVICE_UNAVAILABLE`. */
export interface LeaseHost {
  /** Renews the one of that id, else makes it. Throws `CONFLICT` when too many hold, and `INTERNAL_ERROR` when the VM cannot keep it. */
  take(
    lease: { readonly id: string; readonly seconds: number; readonly owner: LeaseOwner },
    options?: CallOptions,
  ): Promise<{ readonly now: number; readonly since: number; readonly until: number }>;
  /** Resolves with the VM's time; `undefined` when no lease of that id holds. */
  end(id: string, options?: CallOptions): Promise<number | undefined>;
  list(options?: CallOptions): Promise<LeaseList>;
}

export interface VmConnection {
  readonly local: TcpEnd;
  readonly remote: TcpEnd;
}

/** When an idle stop is due, in seconds; a rule that is left out is off. */
export interface IdleRules {
  readonly stopAfter?: number | undefined;
  readonly maxOn?: number | undefined;
}

/** What one observation of the VM found. Times are seconds of the VM's clock. */
export interface VmObservation {
  readonly now: number;
  /** When SSH and Docker were first seen to answer in this boot of the VM; while Docker does not, when it was switched on. */
  readonly readySince: number;
  /** It was seen in this boot before Docker answered: `readySince` is no guess. */
  readonly isReadySinceCertain?: boolean;
  /** When it was switched on; `undefined` where its /proc does not tell. */
  readonly onSince?: number | undefined;
  /** sshd's port, and our own end of the connection; `undefined` where sshd does not tell. */
  readonly ssh?: { readonly port: number; readonly own: TcpEnd };
  /** The connections of processes of the API that have registered, and that may have gone since. */
  readonly apis: readonly {
    readonly id: string;
    readonly end: TcpEnd;
    readonly rules: IdleRules;
  }[];
  /** When each signal was last seen used, by any process, and by whom. */
  readonly uses: ReadonlyMap<SignalName, { readonly at: number; readonly by: string }>;
  /** When one was last unknown. */
  readonly unknownAt: number | undefined;
  /** When any process last observed it for its idle stop. */
  readonly observedAt?: number | undefined;
  readonly announced: Announcement | undefined;
  readonly leases: readonly LeaseRecord[];
  /** Those that run. */
  readonly jobs: readonly { readonly id: string; readonly target: string }[];
  /** Established connections to listening ports by a container's process id; those of the VM itself, to the ports that were asked for, by `host`. */
  readonly tables: ReadonlyMap<string, readonly VmConnection[]>;
  /** Of which tables there was more than is told, and which could not be read, nor `leases` or `jobs`. What is in neither has gone. */
  readonly cut: ReadonlySet<string>;
  readonly unreadable: ReadonlySet<string>;
}

/** An announced stop. */
export interface Announcement {
  readonly at: number;
  readonly stopsAt: number;
  readonly because: StopCause;
  /** It was not to be carried out. */
  readonly isDryRun: boolean;
}

export interface ObservationRequest {
  readonly rules: IdleRules;
  /** Ids of connections of processes of the API that have gone. */
  readonly gone: readonly string[];
  /** Ports of the VM itself whose connections are wanted, beside sshd's. */
  readonly hostPorts: readonly number[];
  /** Of containers' main processes. */
  readonly pids: readonly number[];
  /** False while Docker does not answer. */
  readonly isReady?: boolean;
}

/** What of being used is known and kept on the VM alone. Throws `SERVICE_UNAVAILABLE`, also when the VM cannot write what it is to keep. */
export interface IdleHost {
  /** So that other processes of the API do not take our connection for a person's. */
  register(rules: IdleRules, options?: CallOptions): Promise<void>;
  observe(request: ObservationRequest, options?: CallOptions): Promise<VmObservation>;
  /** Keeps when signals were last used, and when they were observed. */
  note(
    uses: readonly {
      readonly name: SignalName | 'unknown' | 'observed';
      readonly at: number | { readonly secondsAgo: number };
      readonly by: string;
    }[],
    options?: CallOptions,
  ): Promise<void>;
  /** Keeps it, and tells those who are logged in. */
  announce(
    announcement: Omit<Announcement, 'at'> & { readonly text: string },
    options?: CallOptions,
  ): Promise<void>;
  /**
   * True for one of all processes that ask within two minutes: the one that may stop the VM. False while a lease holds and, for an idle stop,
   * while a job runs, and when any process has noted use since the observation.
   */
  claimStop(
    stop: {
      readonly readySince: number;
      readonly because: StopCause;
      readonly observedAt: number;
    },
    options?: CallOptions,
  ): Promise<boolean>;
}

/** A running container, as far as its use is concerned. */
export interface RunningContainer {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly pid: number;
  readonly network: 'own' | 'host' | 'shared';
  /** Id or name of the container whose network it shares. */
  readonly networkOwner?: string;
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  /** TCP ports that its image names. */
  readonly ports: readonly number[];
  /** Ports of the VM by the container's own. */
  readonly published: readonly { readonly port: number; readonly hostPort: number }[];
}

/** What the VM itself has of what the API needs; read by one command, which changes nothing. */
export interface HostFacts {
  /** Seconds of the VM's clock. */
  readonly now: number;
  /** What a job would fail with for want of software, and for want of its folder. */
  readonly tools: AppError | undefined;
  readonly jobFolder: AppError | undefined;
  /** Where it could be told. */
  readonly disks: readonly { readonly of: 'home' | 'docker'; readonly freeBytes: number }[];
  /** The user may not see the processes of others. */
  readonly isProcHidden: boolean;
}

/** How Docker is reached, and what answers there. */
export interface DockerFacts {
  /** Its own, such as `28.3.3`. */
  readonly version: string;
  /** Of its API, as agreed on. */
  readonly apiVersion: string;
  readonly way: 'socket' | 'dial-stdio';
}

/** What the engine knows of use. Throws `SERVICE_UNAVAILABLE`. */
export interface UseEngine {
  /** One that ends while it is read is left out. */
  running(options?: CallOptions): Promise<readonly RunningContainer[]>;
  /** Nanoseconds of CPU that each has used so far; one that has ended is left out. */
  cpuTimes(ids: readonly string[], options?: CallOptions): Promise<ReadonlyMap<string, number>>;
  /**
   * Runs a command inside a container; `undefined` while it has not ended, in which case it is not started again until it has.
   * Those who ask at the same time share one run.
   */
  probe(
    id: string,
    argv: readonly string[],
    options: { readonly timeoutMs: number } & CallOptions,
  ): Promise<number | undefined>;
}
