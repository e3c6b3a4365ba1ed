import type { ContainerInspection } from '@ondemand/client';
import { expect, test } from 'vitest';
import { createStyle } from './output/style.ts';
import { inspection } from './testing/fixtures.test-support.ts';
import { toInspectionSheet } from './views/inspection-sheet.ts';

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
