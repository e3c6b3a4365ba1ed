// The door of @ondemand/core.

export { systemClock } from './clock.ts';
export {
  type ByteCharge,
  type Containers,
  type ContainersOptions,
  createContainers,
} from './containers.ts';
export { type DeadlineOptions, withDeadline } from './deadline.ts';
export { createEngine, type EngineOptions } from './docker/engine.ts';
export type { EngineRequestEvent } from './docker/engine-client.ts';
export {
  createRebuildPlanner,
  type PlanRebuild,
  type RebuildPlannerOptions,
} from './docker/rebuild.ts';
export { type DockerTransport, dockerTransports } from './docker/transport.ts';
export * from './errors.ts';
export type { PlacedEvent } from './event-feed.ts';
export type { EventTimings } from './event-watch.ts';
export { createEvents, type Events, type EventsOptions } from './events.ts';
export type { PlacedOutput } from './job-output.ts';
export { createJobHost, type JobHostOptions } from './jobs/job-host.ts';
export { createJobs, type Jobs, type JobsOptions } from './jobs.ts';
export type { FollowedLine, FollowOptions } from './log-follower.ts';
export * from './model/container.ts';
export * from './model/event.ts';
export * from './model/inspection.ts';
export * from './model/job.ts';
export * from './model/log-line.ts';
export { type LogText, toLogText } from './model/log-text.ts';
export * from './model/vm.ts';
export { createOciCompute, type OciComputeOptions } from './oci/compute.ts';
export { type OciAuth, ociAuths } from './oci/credentials.ts';
export type { OciOperation } from './oci/failure.ts';
export type { OciOutcome } from './oci/http-client.ts';
export { checkOciConfig, type OciConnectionOptions } from './oci/signer.ts';
export type * from './ports.ts';
export type { Resumable } from './resumable.ts';
export { checkSshConfig } from './ssh/check-config.ts';
export {
  createSshConnection,
  type ExecOptions,
  type SshConnection,
  type SshConnectionOptions,
  type SshEvent,
} from './ssh/connection.ts';
export { createShell } from './ssh/exec.ts';
export type { RemoteCommand } from './ssh/remote-command.ts';
export type { SshReason } from './ssh/to-app-error.ts';
export { createVm, type Vm, type VmOptions } from './vm.ts';
