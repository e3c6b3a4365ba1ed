// Whatever an engine answers, what comes of it is an answer of ours or an `AppError`: never a crash, and never a success that was not one.

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { AppError } from '../../app-error.ts';
import { containerSchema } from '../../model/container.ts';
import { containerInspectionSchema, containerStatsSchema } from '../../model/inspection.ts';
import { type FakeEngine, startFakeEngine } from '../../testing/fake-engine.test-support.ts';
import { often } from '../../testing/fuzz-size.test-support.ts';
import { oddJson } from '../../testing/odd-json.test-support.ts';
import { createEngine, type DockerEngine } from './engine.ts';
import { toEngineEvent } from './parse-event.ts';

const id = 'c0ffee'.repeat(10).padEnd(64, '0');

const listed = [
  {
    Id: id,
    Names: ['/web'],
    Image: 'nginx:1.29',
    ImageID: `sha256:${id}`,
    State: 'running',
    Status: 'Up 3 hours (healthy)',
    Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
    Labels: { 'com.docker.compose.project': 'home' },
    HostConfig: { NetworkMode: 'bridge' },
  },
];

const inspected = {
  Id: id,
  Name: '/web',
  Created: '2026-02-08T07:15:28.123456789Z',
  Image: `sha256:${id}`,
  Path: '/entrypoint.sh',
  Args: ['nginx'],
  RestartCount: 0,
  State: {
    Status: 'exited',
    Running: false,
    OOMKilled: false,
    Pid: 4711,
    ExitCode: 3,
    Error: '',
    StartedAt: '2026-02-08T07:15:30Z',
    FinishedAt: '2026-02-08T08:15:30Z',
    Health: {
      Status: 'healthy',
      FailingStreak: 0,
      Log: [{ Start: '2026-02-08T07:15:30Z', ExitCode: 0, Output: 'ok' }],
    },
  },
  Config: {
    Image: 'nginx:1.29',
    User: '',
    Tty: false,
    StopTimeout: 10,
    WorkingDir: '/srv',
    Env: ['PASSWORD=hunter2hunter2', 'PATH=/bin'],
    Labels: { a: 'b' },
    Healthcheck: { Test: ['CMD', 'true'] },
    ExposedPorts: { '80/tcp': {} },
  },
  HostConfig: {
    RestartPolicy: { Name: 'always', MaximumRetryCount: 0 },
    Memory: 1,
    MemorySwap: -1,
    NanoCpus: 5e8,
    CpuQuota: 0,
    CpuPeriod: 0,
    CpuShares: 0,
    PidsLimit: null,
    Tmpfs: { '/tmp': 'ro' },
    NetworkMode: 'bridge',
  },
  Mounts: [{ Type: 'bind', Name: '', Source: '/srv', Destination: '/srv', RW: true }],
  NetworkSettings: {
    Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }] },
    Networks: { home: { IPAddress: '172.18.0.3', Gateway: '172.18.0.1', Aliases: ['web'] } },
  },
};

const sampled = {
  read: '2026-02-08T07:15:30Z',
  cpu_stats: {
    cpu_usage: { total_usage: 2e9, percpu_usage: [1] },
    system_cpu_usage: 9e9,
    online_cpus: 2,
  },
  precpu_stats: { cpu_usage: { total_usage: 1e9 }, system_cpu_usage: 8e9, online_cpus: 2 },
  memory_stats: { usage: 100, limit: 200, stats: { inactive_file: 5 } },
  networks: { eth0: { rx_bytes: 1, tx_bytes: 2 } },
  blkio_stats: { io_service_bytes_recursive: [{ op: 'Read', value: 1 }] },
  pids_stats: { current: 3 },
};

const runningContainer = {
  ...inspected,
  State: { ...inspected.State, Running: true, Status: 'running' },
};

let fake: FakeEngine;
let engine: DockerEngine;
/** By the end of the path that is asked for. */
let answers: Readonly<Record<string, string>> = {};
let status = 200;

beforeAll(async () => {
  fake = await startFakeEngine((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    const name = path.split('/').at(-1) ?? '';
    const isAction = request.method === 'POST';
    response.writeHead(isAction ? status : 200, { 'content-type': 'application/json' });
    response.end(
      isAction && status === 204
        ? undefined
        : (answers[name === 'json' && path.split('/').length === 5 ? 'inspect' : name] ?? '{}'),
    );
  });
  engine = createEngine({ channels: fake.channels, socketPath: fake.socketPath });
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await fake[Symbol.asyncDispose]();
});

/** The value, or the failure that callers are told. */
async function outcome<T>(call: Promise<T>): Promise<{ value: T } | { error: AppError }> {
  return call.then(
    (value) => ({ value }),
    (error: unknown) => {
      expect(error).toBeInstanceOf(AppError);
      const refused = error as AppError; // as was just seen
      expect(refused.code).not.toBe('INTERNAL_ERROR');
      return { error: refused };
    },
  );
}

/** The API checks its own answers, and one that fails is a 500. */
function expectValid(schema: z.ZodType, value: unknown): void {
  expect(schema.safeParse(value).error).toBeUndefined();
}

describe('whatever the engine answers', () => {
  test('list() gives containers or SERVICE_UNAVAILABLE', async () => {
    await fc.assert(
      fc.asyncProperty(oddJson(listed), async (json) => {
        answers = { json };
        const ended = await outcome(engine.list());
        if ('value' in ended) for (const each of ended.value) expectValid(containerSchema, each);
      }),
      often(3),
    );
  });

  test('inspect() gives an inspection without secrets, or SERVICE_UNAVAILABLE', async () => {
    await fc.assert(
      fc.asyncProperty(oddJson(inspected), async (inspect) => {
        answers = { inspect };
        const ended = await outcome(engine.inspect('web'));
        if (!('value' in ended)) return;
        expectValid(containerInspectionSchema, ended.value);
        expect(JSON.stringify(ended.value)).not.toContain('hunter2hunter2');
      }),
      often(3),
    );
  });

  test('stats() gives a sample or SERVICE_UNAVAILABLE', async () => {
    await fc.assert(
      fc.asyncProperty(oddJson(sampled), async (stats) => {
        answers = { inspect: JSON.stringify(runningContainer), stats };
        // One sample alone is followed by another, a second later.
        if (
          /"precpu_stats":\{"cpu_usage":\{"total_usage":1000000000\},"system_cpu_usage":8000000000/.test(
            stats,
          )
        ) {
          const ended = await outcome(engine.stats('web'));
          if ('value' in ended) expectValid(containerStatsSchema, ended.value);
        }
      }),
      often(3),
    );
  });

  test('start(), stop() and restart() succeed only where the engine said so', async () => {
    const statuses = fc.constantFrom(200, 204, 304, 400, 404, 409, 418, 500, 502);
    const action = fc.constantFrom('start' as const, 'stop' as const, 'restart' as const);
    await fc.assert(
      fc.asyncProperty(
        oddJson(inspected),
        fc.oneof(oddJson({ message: 'no such container: web' }), fc.constant('{"message":"x"}')),
        statuses,
        action,
        async (inspect, message, given, verb) => {
          answers = { inspect, [verb]: message };
          status = given;
          const sent = fake.requests.length;
          const ended = await outcomeOfAction<unknown>(engine[verb]('web'));
          const posts = fake.requests.slice(sent).filter((each) => each.startsWith('POST'));
          expect(posts.length).toBeLessThanOrEqual(1);
          expect('value' in ended).toBe(posts.length === 1 && (given < 300 || given === 304));
        },
      ),
      often(3),
    );
  });

  test('readVersion() gives a text or SERVICE_UNAVAILABLE', async () => {
    await fc.assert(
      fc.asyncProperty(oddJson({ Version: '28.3.3' }), async (version) => {
        answers = { version };
        const ended = await outcome(engine.readVersion());
        if ('value' in ended) expect(ended.value).toBeTypeOf('string');
      }),
      often(3),
    );
  });

  test('use.running() and use.cpuTimes() give numbers or SERVICE_UNAVAILABLE', async () => {
    await fc.assert(
      fc.asyncProperty(oddJson(runningContainer), oddJson(sampled), async (inspect, stats) => {
        answers = { json: JSON.stringify(listed), inspect, stats };
        const running = await outcome(engine.use.running());
        if ('value' in running)
          for (const { pid, ports } of running.value) {
            expect(pid).toBeGreaterThan(0);
            for (const port of ports) expect(port).toBeLessThan(65_536);
          }
        const times = await outcome(engine.use.cpuTimes([id]));
        if ('value' in times) expect(times.value.get(id)).toBeTypeOf('number');
      }),
      often(3),
    );
  });

  test('an event is understood or left out', () => {
    const event = {
      Type: 'container',
      Action: 'die',
      Actor: { ID: id, Attributes: { name: 'web', exitCode: '0' } },
      time: 1_770_000_000,
      timeNano: 1_770_000_000_123_456_800,
    };
    fc.assert(
      fc.property(oddJson(event), (text) => {
        const found = toEngineEvent(text);
        if (found === undefined) return;
        expect(Number.isFinite(found.at.seconds)).toBe(true);
        expect(found.containerId).not.toBe('');
        for (const value of Object.values(found.attributes)) expect(value).toBeTypeOf('string');
      }),
      often(),
    );
  });
});

/** A container that cannot start as it is configured is an INTERNAL_ERROR of the contract. */
async function outcomeOfAction<T>(call: Promise<T>): Promise<{ value: T } | { error: unknown }> {
  return call.then(
    (value) => ({ value }),
    (error: unknown) => {
      expect(error).toBeInstanceOf(AppError);
      return { error };
    },
  );
}
