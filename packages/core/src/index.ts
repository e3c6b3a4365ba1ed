// The entry point of @ondemand/core.

export type * from './adapter-ports.ts';
export * from './app-error.ts';
export { systemClock } from './concurrency/clock.ts';
export { type DeadlineOptions, withDeadline } from './concurrency/deadline.ts';
export { createLimiter, type Limiter } from './concurrency/limiter.ts';
export {
  type ByteCharge,
  type Containers,
  type ContainersOptions,
  createContainers,
} from './containers/containers.ts';
export {
  createDiagnosis,
  type Diagnose,
  type DiagnosisOptions,
  type DiagnosisVm,
  type OwnFindings,
} from './diagnosis/diagnosis.ts';
export { createFindings } from './diagnosis/findings.ts';
export { noPublicIp } from './diagnosis/oci-checks.ts';
export { createComposeCheck } from './docker/compose/find-command.ts';
export {
  createRebuildPlanner,
  type PlanRebuild,
  type RebuildPlannerOptions,
} from './docker/compose/rebuild-plan.ts';
export { createEngine, type DockerEngine, type EngineOptions } from './docker/engine/engine.ts';
export type { EngineRequestEvent } from './docker/engine/http-client.ts';
export { type DockerTransport, dockerTransports } from './docker/engine/transport.ts';
export * from './error-texts.ts';
export { createEvents, type Events, type EventsOptions } from './events/events.ts';
export type { EventWithPosition } from './events/feed.ts';
export type { EventTimings } from './events/watch.ts';
export { createIdle, type Idle, type IdleNotice, type IdleOptions } from './idle/idle.ts';
export {
  createLeases,
  type LeaseCaller,
  type LeaseRequest,
  type Leases,
  type LeasesOptions,
} from './idle/leases.ts';
export { createIdleHost, type IdleHostOptions } from './idle-on-vm/idle-on-vm.ts';
export { createLeaseHost, type LeaseHostOptions } from './idle-on-vm/lease-files.ts';
export { createJobs, type Jobs, type JobsOptions } from './jobs/jobs.ts';
export type { OutputWithPosition } from './jobs/output.ts';
export { createJobHost, type JobHostOptions } from './jobs-on-vm/jobs-on-vm.ts';
export { createHostFacts } from './jobs-on-vm/required-software.ts';
export type { FollowedLine, FollowOptions } from './logs/follower.ts';
export * from './model/container.ts';
export * from './model/defaults-limits-timeouts.ts';
export * from './model/diagnosis.ts';
export * from './model/event.ts';
export * from './model/idle.ts';
export * from './model/inspection.ts';
export * from './model/job.ts';
export * from './model/lease.ts';
export * from './model/log-line.ts';
export { type LogText, toLogText } from './model/log-text-in-pieces.ts';
export { type VmReady, vmReadySchema } from './model/ready.ts';
export type { Resumable } from './model/resumable-stream.ts';
export * from './model/vm.ts';
export { createOciCompute, type OciComputeOptions } from './oci/compute.ts';
export {
  listSecretFiles as listOciSecretFiles,
  type OciAuth,
  ociAuths,
} from './oci/credentials.ts';
export type { OciOperation } from './oci/failure.ts';
export type { OciOutcome } from './oci/http-client.ts';
export { checkOciConfig, type OciConnectionOptions } from './oci/signer.ts';
export { createShell } from './ssh/command/exec.ts';
export type { RemoteCommand } from './ssh/command/running-command.ts';
export {
  createSshConnection,
  type ExecOptions,
  type SshConnection,
  type SshConnectionOptions,
  type SshEvent,
} from './ssh/connection/connection.ts';
export { checkSshConfig } from './ssh/login/check-config.ts';
export type { SshReason } from './ssh/to-app-error.ts';
export { createReadiness, type Readiness, type ReadinessOptions } from './vm/readiness.ts';
export { createSshAddress } from './vm/ssh-address.ts';
export { createVm, type Vm, type VmOptions } from './vm/vm.ts';
export {
  createWaker,
  type WakeRequest,
  type WakeResult,
  type Waker,
  type WakerOptions,
} from './vm/wake.ts';
