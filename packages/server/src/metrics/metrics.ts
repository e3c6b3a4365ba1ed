// What Prometheus reads of this process, by the names of section 9 of the contract.

import {
  type EngineRequestEvent,
  lifecycleStates,
  type OciOperation,
  type OciOutcome,
  type SshConnection,
  type SshEvent,
} from '@ondemand/core';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { AnsweredRequest } from '../http/request-log.ts';
import type { VmUse } from './vm-use.ts';
import { type WakeStage, wakeStages } from './wake-stages.ts';

/** What is asked for at each scrape. */
export interface Observed {
  readonly use: VmUse;
  readonly link: Pick<SshConnection, 'connected' | 'channels'>;
  readonly issuerAnswers: boolean;
  /** Undefined without a file. */
  readonly auditIsWritable: boolean | undefined;
}

export interface Metrics {
  readonly contentType: string;
  /** In Prometheus' text format; what cannot be learned is left out of it. */
  read(observed: Observed): Promise<string>;
  onAnswered(request: AnsweredRequest): void;
  onOciRequest(operation: OciOperation, outcome: OciOutcome): void;
  onDockerRequest(event: EngineRequestEvent): void;
  onSshEvent(event: SshEvent): void;
  /** `seconds` since OCI took the START. */
  onWakeStage(stage: WakeStage, seconds: number): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'ondemand_http_requests_total',
    help: 'Requests that were answered, by route template',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'ondemand_http_request_duration_seconds',
    help: 'From the request to the end of its answer, by route template; a stream lasts as long as somebody reads it',
    labelNames: ['method', 'route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers,
  });
  const connected = new Gauge({
    name: 'ondemand_ssh_connected',
    help: '1 while there is an SSH connection to the VM',
    registers,
  });
  const connects = new Counter({
    name: 'ondemand_ssh_connects_total',
    help: 'SSH connections to the VM that were made',
    registers,
  });
  const failures = new Counter({
    name: 'ondemand_ssh_failures_total',
    help: 'SSH connections to the VM that failed or were lost, by reason',
    labelNames: ['reason'],
    registers,
  });
  const channels = new Gauge({
    name: 'ondemand_ssh_channels',
    help: 'SSH channels that are open or being opened: commands and connections to Docker',
    registers,
  });
  const ociRequests = new Counter({
    name: 'ondemand_oci_requests_total',
    help: 'Requests to OCI; the outcome is its HTTP status, or why there was none',
    labelNames: ['operation', 'outcome'],
    registers,
  });
  const dockerRequests = new Counter({
    name: 'ondemand_docker_requests_total',
    help: "Requests to Docker's Engine API; the outcome is its HTTP status, or 'none'",
    labelNames: ['operation', 'outcome'],
    registers,
  });
  const jobsRunning = new Gauge({
    name: 'ondemand_jobs_running',
    help: 'Jobs that run on the VM',
    registers,
  });
  const vmState = new Gauge({
    name: 'ondemand_vm_state',
    help: "1 for the VM's state, by OCI's name of it; 0 for the others",
    labelNames: ['state'],
    registers,
  });
  const wakes = new Histogram({
    name: 'ondemand_vm_wake_seconds',
    help: 'From a START through this process until the VM runs (vm), SSH answers (ssh), Docker answers (docker)',
    labelNames: ['stage'],
    buckets: [5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600],
    registers,
  });
  // Else the first wake of a process is a series that begins at 1, in which Prometheus sees no increase.
  for (const stage of wakeStages) wakes.zero({ stage });
  const onSeconds = new Counter({
    name: 'ondemand_vm_on_seconds_total',
    help: 'Time between two scrapes that both saw the VM RUNNING',
    registers,
  });
  const usedSeconds = new Counter({
    name: 'ondemand_vm_used_seconds_total',
    help: 'Of that, the time before a scrape that saw the VM used, as GET /vm/idle tells it',
    registers,
  });
  const issuerUp = new Gauge({
    name: 'ondemand_issuer_up',
    help: '1 while the issuer of the tokens gave its keys when it was last asked, five minutes ago at most',
    registers,
  });
  const auditWritable = new Gauge({
    name: 'ondemand_audit_writable',
    help: '1 while AUDIT_LOG_FILE takes lines; left out without one',
    registers,
  });
  let counted: Pick<VmUse, 'onSeconds' | 'usedSeconds'> = { onSeconds: 0, usedSeconds: 0 };

  return {
    contentType: registry.contentType,
    read({ use, link, issuerAnswers, auditIsWritable }) {
      onSeconds.inc(use.onSeconds - counted.onSeconds);
      usedSeconds.inc(use.usedSeconds - counted.usedSeconds);
      counted = use;
      vmState.reset();
      if (use.state !== undefined)
        for (const state of lifecycleStates) vmState.set({ state }, state === use.state ? 1 : 0);
      if (use.jobsRunning === undefined) jobsRunning.remove();
      else jobsRunning.set(use.jobsRunning);
      connected.set(link.connected ? 1 : 0);
      channels.set(link.channels.commands + link.channels.sockets);
      issuerUp.set(issuerAnswers ? 1 : 0);
      if (auditIsWritable === undefined) auditWritable.remove();
      else auditWritable.set(auditIsWritable ? 1 : 0);
      return registry.metrics();
    },
    onAnswered({ method, route, status, seconds }) {
      requests.inc({ method, route, status });
      durations.observe({ method, route }, seconds);
    },
    onOciRequest(operation, outcome) {
      ociRequests.inc({ operation, outcome });
    },
    onDockerRequest({ operation, status = 'none' }) {
      dockerRequests.inc({ operation, outcome: status });
    },
    onSshEvent(event) {
      if (event.type === 'connected') connects.inc();
      else failures.inc({ reason: String(event.error.details.reason) });
    },
    onWakeStage(stage, seconds) {
      wakes.observe({ stage }, seconds);
    },
  };
}
