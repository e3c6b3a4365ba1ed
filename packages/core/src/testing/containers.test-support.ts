// The service of containers over an engine and jobs that a test plays, and what it asks of them.

import type { Engine, EngineContainer } from '../adapter-ports.ts';
import { createContainers } from '../containers/containers.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { ContainerInspection, ContainerStats } from '../model/inspection.ts';
import type { Job } from '../model/job.ts';
import { toLogText } from '../model/log-text-in-pieces.ts';
import type { LifecycleState } from '../model/vm.ts';

export const webId = `aa11${'0'.repeat(60)}`;
export const dbId = `aa22${'0'.repeat(60)}`;
export const namedLikeAnId = `bb33${'0'.repeat(60)}`;

export const log = toLogText([Buffer.from('log\n')]);

export interface SetUp {
  readonly connected?: boolean;
  readonly state?: LifecycleState;
  readonly changed?: boolean;
  readonly rebuildWaitMs?: number | undefined;
  readonly closing?: AbortSignal;
  readonly elapsedMs?: () => number;
}

export function setUp({
  connected = true,
  state = 'RUNNING',
  changed = true,
  rebuildWaitMs,
  closing,
  elapsedMs = () => 0,
}: SetUp = {}) {
  const calls: string[] = [];
  const note = async <T>(call: string, result: T): Promise<T> => {
    calls.push(call);
    return result;
  };
  const engine: Engine = {
    list({ onSend } = {}) {
      onSend?.();
      return note('list', [
        toEngineContainer(webId, 'web'),
        toEngineContainer(dbId, 'db'),
        toEngineContainer(namedLikeAnId, 'aa11'),
        toEngineContainer(`cc44${'0'.repeat(60)}`, 'Zeta'),
      ]);
    },
    start: (id) => note(`start ${id}`, { changed }),
    stop: (id) => note(`stop ${id}`, { changed }),
    restart: (id) => note(`restart ${id}`, undefined),
    logs: (id, { lines }) => note(`logs ${id} ${lines}`, log),
    inspect: (id) => note(`inspect ${id}`, { ...inspection, id }),
    stats: (id) => note(`stats ${id}`, { ...sample, container: id }),
    followLog: () => Promise.reject(new Error('no test follows a log here')),
    events: () => Promise.reject(new Error('no test watches events here')),
  };
  const jobs: Pick<Jobs, 'startRebuild' | 'wait'> = {
    startRebuild: ({ id, name }) => note(`rebuild ${id}`, { ...job, target: name }),
    wait: (id) => note(`wait ${id}`, { ...job, state: 'succeeded' }),
  };
  const containers = createContainers({
    engine,
    jobs,
    compute: {
      getInstance: () => Promise.resolve({ lifecycleState: state, displayName: 'vm', etag: 'e' }),
      getPublicIp: () => Promise.resolve(undefined),
      act: () => Promise.resolve(),
    },
    link: { connected, drop: () => {} },
    clock: { now: () => new Date(0), elapsedMs },
    rebuildWaitMs,
    closing,
  });
  return { containers, engine, jobs, calls };
}

/** Makes the first list wait until the returned function is called. */
export function blocked(engine: Engine, calls: string[]): () => void {
  const { list } = engine;
  let release = () => {};
  engine.list = async ({ onSend } = {}) => {
    engine.list = list;
    onSend?.();
    calls.push('list');
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return [];
  };
  return () => release();
}

export function toEngineContainer(id: string, name: string): EngineContainer {
  return { id, name, state: 'running', image: 'img', ports: '', uptime: 'Up 1 second', labels: {} };
}

export const job: Job = {
  id: '20260208T101531Z-3f9a1c2b',
  kind: 'rebuild',
  target: 'web',
  state: 'running',
  startedAt: '2026-02-08T10:15:31.000Z',
  finishedAt: null,
  exitCode: null,
  output: '',
};

export const inspection: ContainerInspection = {
  id: webId,
  name: 'web',
  image: 'img',
  imageId: 'sha256:1',
  state: 'running',
  command: [],
  workingDir: '',
  user: '',
  tty: false,
  createdAt: '2026-02-08T10:15:31.000Z',
  startedAt: null,
  finishedAt: null,
  exitCode: null,
  oomKilled: false,
  error: '',
  health: null,
  restartCount: 0,
  restartPolicy: { name: 'no', maximumRetryCount: 0 },
  environment: [],
  labels: {},
  mounts: [],
  networks: [],
  ports: '',
  limits: { memoryBytes: null, memorySwapBytes: null, cpus: null, cpuShares: null, pids: null },
};

export const sample: ContainerStats = {
  container: 'web',
  readAt: '2026-02-08T10:15:31.000Z',
  cpuPercent: 1,
  memoryBytes: 2,
  memoryLimitBytes: 3,
  networkRxBytes: 4,
  networkTxBytes: 5,
  blockReadBytes: 6,
  blockWriteBytes: 7,
  pids: 8,
};
