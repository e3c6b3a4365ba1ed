// What the compiler knows about the client; `tsc` runs these, not vitest.

import type { ApiError, AppRouter } from '@ondemand/server';
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import { expectTypeOf, test } from 'vitest';
import {
  type ApiErrorCode,
  type AuditEntry,
  type Container,
  type ContainerActionResult,
  type ContainerInspection,
  type ContainerLogs,
  type ContainerStats,
  type ErrorCode,
  isApiError,
  type Job,
  type JobOutput,
  type LogLine,
  type Mutation,
  type OnDemandClient,
  OnDemandError,
  type OnDemandEvent,
  type Query,
  type Reconnect,
  type Subscription,
  type VmActionResult,
  type VmState,
  type Whoami,
} from './index.ts';

type InputsOf<Node> =
  Node extends Query<infer Input, infer _>
    ? Input
    : Node extends Mutation<infer Input, infer _>
      ? Input
      : Node extends Subscription<infer Input, infer _>
        ? Input
        : { -readonly [Name in keyof Node]: InputsOf<Node[Name]> };

type OutputsOf<Node> =
  Node extends Query<infer _, infer Output>
    ? Output
    : Node extends Mutation<infer _, infer Output>
      ? Output
      : Node extends Subscription<infer _, infer Item>
        ? AsyncIterable<{ id: string; data: Item }, never>
        : { -readonly [Name in keyof Node]: OutputsOf<Node[Name]> };

type Outputs = inferRouterOutputs<AppRouter>;

test('every procedure of the router is in the client, with its input and its output', () => {
  expectTypeOf<InputsOf<OnDemandClient>>().toEqualTypeOf<inferRouterInputs<AppRouter>>();
  expectTypeOf<OutputsOf<OnDemandClient>>().toEqualTypeOf<Outputs>();
});

test('the named types are those of the procedures', () => {
  expectTypeOf<VmState>().toEqualTypeOf<Outputs['vm']['status']>();
  expectTypeOf<VmActionResult>().toEqualTypeOf<Outputs['vm']['reset']>();
  expectTypeOf<Container[]>().toEqualTypeOf<Outputs['containers']['list']>();
  expectTypeOf<ContainerActionResult>().toEqualTypeOf<Outputs['containers']['rebuild']>();
  expectTypeOf<ContainerLogs>().toEqualTypeOf<Outputs['containers']['logs']>();
  expectTypeOf<ContainerInspection>().toEqualTypeOf<Outputs['containers']['inspect']>();
  expectTypeOf<ContainerStats>().toEqualTypeOf<Outputs['containers']['stats']>();
  expectTypeOf<Job[]>().toEqualTypeOf<Outputs['jobs']['list']>();
  expectTypeOf<Whoami>().toEqualTypeOf<Outputs['whoami']>();
  expectTypeOf<AuditEntry[]>().toEqualTypeOf<Outputs['audit']['list']>();
  expectTypeOf<Container['name']>().toEqualTypeOf<string>();
});

test('a subscription gives plain items, without the ids that it is resumed by', () => {
  const loops = async ({ containers, jobs, events }: OnDemandClient) => {
    const signal = new AbortController().signal;
    for await (const line of containers.followLogs.subscribe({ name: 'nginx' }, { signal }))
      expectTypeOf(line).toEqualTypeOf<LogLine>();
    for await (const output of jobs.output.subscribe({ id: 'a', lastEventId: '5' }))
      expectTypeOf(output).toEqualTypeOf<JobOutput>();
    for await (const event of events.subscribe()) {
      expectTypeOf(event).toEqualTypeOf<OnDemandEvent>();
      if (event.type === 'container') expectTypeOf(event.name).toEqualTypeOf<string>();
    }
    events.subscribe({ lastEventId: '5' }, { onReconnect: ({ error }) => void error.code });
  };
  expectTypeOf(loops).toBeFunction();
  expectTypeOf<LogLine>().toEqualTypeOf<{
    line: string;
    stream: 'stdout' | 'stderr';
    time?: string;
  }>();
  expectTypeOf<JobOutput>().toEqualTypeOf<{ text: string }>();
  expectTypeOf<OnDemandEvent['type']>().toEqualTypeOf<
    'vm' | 'container' | 'job' | 'idle' | 'resync'
  >();
  expectTypeOf<Reconnect['error']>().toEqualTypeOf<OnDemandError>();
});

test('the codes are those of the API and those of the client', () => {
  expectTypeOf<ApiErrorCode>().toEqualTypeOf<ApiError['code']>();
  expectTypeOf<Exclude<ErrorCode, ApiErrorCode>>().toEqualTypeOf<
    'NETWORK_ERROR' | 'TIMEOUT' | 'ABORTED' | 'INVALID_RESPONSE' | 'TOKEN_ERROR'
  >();
});

test('isApiError() narrows to the error and to its code', () => {
  const error: unknown = undefined;
  if (isApiError(error)) expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
  if (isApiError(error, 'CONFLICT')) {
    expectTypeOf(error.code).toEqualTypeOf<'CONFLICT'>();
    expectTypeOf(error).toExtend<OnDemandError>();
    expectTypeOf(error.status).toEqualTypeOf<number | undefined>();
  }
  // @ts-expect-error there is no such code
  isApiError(error, 'TEAPOT');
});

test('wrong calls do not compile', () => {
  const calls = (client: OnDemandClient) => [
    client.vm.status.query(),
    client.vm.status.query(undefined, { timeoutMs: 5 }),
    // @ts-expect-error looking is no mutation
    client.vm.status.mutate(),
    // @ts-expect-error a container needs its name
    client.containers.start.mutate(),
    // @ts-expect-error it is a number
    client.containers.logs.query({ name: 'nginx', lines: '50' }),
    // @ts-expect-error following is no query
    client.containers.followLogs.query({ name: 'nginx' }),
    // @ts-expect-error a followed log needs its container
    client.containers.followLogs.subscribe(),
    // @ts-expect-error no such container action
    client.containers.destroy,
  ];
  expectTypeOf(calls).toBeFunction();
  // @ts-expect-error no such code
  expectTypeOf(new OnDemandError('TEAPOT', '')).toExtend<Error>();
});
