// Names for what the procedures answer, taken from the procedures themselves.

import type { OnDemandClient } from './client.ts';

export type VmState = Answer<OnDemandClient['vm']['status']['query']>;
export type LifecycleState = VmState['lifecycleState'];
export type VmReady = Answer<OnDemandClient['vm']['ready']['query']>;
export type VmWake = Answer<OnDemandClient['vm']['wake']['mutate']>;
export type VmAddress = Answer<OnDemandClient['vm']['address']['query']>;
export type VmActionResult = Answer<OnDemandClient['vm']['start']['mutate']>;
export type VmAction = VmActionResult['action'];
export type Container = Answer<OnDemandClient['containers']['status']['query']>;
export type ContainerState = Container['state'];
export type ContainerActionResult = Answer<OnDemandClient['containers']['start']['mutate']>;
export type ContainerAction = ContainerActionResult['action'];
export type ContainerLogs = Answer<OnDemandClient['containers']['logs']['query']>;
export type ContainerInspection = Answer<OnDemandClient['containers']['inspect']['query']>;
export type ContainerStats = Answer<OnDemandClient['containers']['stats']['query']>;
export type LogLine = Item<OnDemandClient['containers']['followLogs']['subscribe']>;
export type Job = Answer<OnDemandClient['jobs']['get']['query']>;
export type JobKind = Job['kind'];
export type JobState = Job['state'];
export type JobOutput = Item<OnDemandClient['jobs']['output']['subscribe']>;
export type IdleVerdict = Answer<OnDemandClient['vm']['idle']['query']>;
export type Signal = IdleVerdict['signals'][number];
export type Lease = Answer<OnDemandClient['vm']['takeLease']['mutate']>;
export type OnDemandEvent = Item<OnDemandClient['events']['subscribe']>;
export type AuditEntry = Answer<OnDemandClient['audit']['list']['query']>[number];
export type Diagnosis = Answer<OnDemandClient['diagnose']['query']>;
export type Whoami = Answer<OnDemandClient['whoami']['query']>;

type Answer<Call extends (...args: never) => unknown> = Awaited<ReturnType<Call>>;

type Item<Subscribe extends (...args: never) => unknown> =
  ReturnType<Subscribe> extends AsyncIterable<infer Given> ? Given : never;
