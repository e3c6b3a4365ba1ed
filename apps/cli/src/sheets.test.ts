import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerInspection } from '@ondemand/client';
import { expect, test } from 'vitest';
import { toInspectionSheet } from './commands/inspection-sheet.ts';
import { createStyle } from './output/style.ts';
import { backup, inspection, nginx, sample } from './testing/fixtures.test-support.ts';
import { runBin } from './testing/run-bin.test-support.ts';
import { refusal, type Script, startStubApi } from './testing/stub-api.test-support.ts';

const sheet = (container: ContainerInspection) =>
  toInspectionSheet(container, {
    style: createStyle(false),
    now: new Date('2026-02-08T13:15:30Z'),
  });

test('inspect shows one container in sections, made harmless', async () => {
  expect(sheet(inspection)).toBe(`Name       nginx
State      running
Image      nginx:1.29-alpine
Image id   sha256:cafe
Id         f00d
Command    nginx -g 'daemon off; # it'\\''s'
Folder     /
User       of the image, else root
Ports      0.0.0.0:8080->80/tcp
Created    3 hours ago (2026-02-08T10:15:30.000Z)
Started    3 hours ago (2026-02-08T10:15:30.000Z)
Restarts   2, policy on-failure, at most 5 times

HEALTH
  Status   healthy
  Test     CMD curl -f localhost
  CHECKED                                  EXIT   OUTPUT
  3 hours ago (2026-02-08T10:15:30.000Z)   0      ok\\x1b[2J fine

LIMITS
  Memory      512MiB
  CPUs        0.5
  Processes   100

MOUNTS
  TYPE     SOURCE   DESTINATION   MODE
  volume   data     /data         read only

NETWORKS
  NAME           ADDRESS      GATEWAY      MAC                 ALIASES
  shop_default   172.18.0.2   172.18.0.1   02:42:ac:12:00:02   nginx, web

ENVIRONMENT (names only)
  PATH
  TOKEN

LABELS
  com.docker.compose.project   shop
`);
});

test('inspect leaves out what has nothing to say, and says how a container ended', () => {
  const ended = sheet({
    ...inspection,
    state: 'exited',
    command: [],
    health: null,
    createdAt: null,
    startedAt: null,
    finishedAt: '2026-02-08T10:15:30Z',
    exitCode: 137,
    oomKilled: true,
    error: 'no such file',
    tty: true,
    restartPolicy: { name: '', maximumRetryCount: 0 },
    environment: [],
    labels: {},
    mounts: [],
    networks: [],
    ports: '',
    limits: { memoryBytes: null, memorySwapBytes: null, cpus: null, cpuShares: null, pids: null },
  });
  expect(ended.split('\n').slice(1)).toEqual([
    'State       exited',
    'Error       no such file',
    'Image       nginx:1.29-alpine',
    'Image id    sha256:cafe',
    'Id          f00d',
    'Command',
    'Folder      /',
    'User        of the image, else root',
    'Terminal    yes',
    'Created     unknown',
    'Started     never',
    'Finished    3 hours ago (2026-02-08T10:15:30Z)',
    'Exit code   137 (out of memory)',
    'Restarts    2, policy no',
    '',
  ]);
});

const perName: Script = (input) => {
  const { name } = input as { name: string }; // as the client sends it
  return name === 'gone'
    ? refusal('NOT_FOUND', "No container named 'gone'", { name })
    : { data: { ...sample, container: name } };
};

test('stats shows what docker stats shows', async () => {
  const idle = {
    ...sample,
    container: 'idle',
    cpuPercent: 0,
    memoryBytes: 0,
    memoryLimitBytes: 0,
    pids: 0,
  };
  await using api = await startStubApi({ 'containers.stats': [{ data: sample }, { data: idle }] });
  expect(await runBin(['stats', 'nginx', 'idle'], api)).toEqual({
    exitCode: 0,
    stderr: '',
    stdout: `NAME    CPU %     MEM USAGE / LIMIT       MEM %    NET I/O             BLOCK I/O           PIDS
nginx   1.23%     10.01MiB / 1GiB         0.98%    1.23MB / 890B       0B / 4.1kB          3
idle    0.00%     0B / 0B                 0.00%    1.23MB / 890B       0B / 4.1kB          0
`,
  });
});

test('stats without a name asks for those that run, and forgets one that went away meanwhile', async () => {
  const running = ['a', 'gone', 'b'].map((name) => ({ ...nginx, name }));
  await using api = await startStubApi({
    'containers.list': { data: [...running, { ...nginx, name: 'held', state: 'paused' }, backup] },
    'containers.stats': perName,
  });
  const { stdout, exitCode } = await runBin(['stats', '--json'], api);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toEqual(
    ['a', 'b', 'held'].map((container) => ({ ...sample, container })),
  );
});

test('a name that is not there is a failure', async () => {
  await using api = await startStubApi({ 'containers.stats': perName });
  expect(await runBin(['stats', 'a', 'gone'], api)).toEqual({
    exitCode: 4,
    stdout: '',
    stderr: "ondemand: No container named 'gone'; ondemand ps lists the names there are\n",
  });
});

test('stats asks for at most 8 at once', async () => {
  await using api = await startStubApi({
    'containers.list': {
      data: Array.from({ length: 20 }, (_, index) => ({ ...nginx, name: `c${index}` })),
    },
    'containers.stats': () => ({ data: sample, after: sleep(30).then(() => count()) }),
  });
  let most = 0;
  const count = () => {
    most = Math.max(most, api.underWay());
  };
  const { stdout } = await runBin(['stats'], api);
  expect(stdout.split('\n')).toHaveLength(22);
  expect(most).toBeLessThanOrEqual(8);
  expect(most).toBeGreaterThan(1);
});
