import type { ContainerInspection } from '@ondemand/client';
import { expect, test } from 'vitest';
import { formatLocal } from '../output/local-time.ts';
import { createStyle } from '../output/style.ts';
import { inspection, job } from '../testing/fixtures.test-support.ts';
import { toInspectionSheet } from './inspection-sheet.ts';
import { toJobTable } from './job-facts.ts';

const local = formatLocal('2026-02-08T10:15:30Z');
const view = { style: createStyle(false), now: new Date('2026-02-08T13:15:30Z') };
const sheet = (container: ContainerInspection) => toInspectionSheet(container, view);

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
Created    3 hours ago (${local})
Started    3 hours ago (${local})
Restarts   2, policy on-failure, at most 5 times

HEALTH
  Status   healthy
  Test     CMD curl -f localhost
  CHECKED                             EXIT   OUTPUT
  3 hours ago (${local})   0      ok\\x1b[2J fine

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
    `Finished    3 hours ago (${local})`,
    'Exit code   137 (out of memory)',
    'Restarts    2, policy no',
    '',
  ]);
});

test.each([80, 60, 120])(
  'in a terminal of %i columns no line of inspect wraps, and no fact is cut',
  (width) => {
    const imageId = `sha256:${'0123456789abcdef'.repeat(4)}`;
    const file =
      '/srv/stacks/a/very/long/path/that/goes/on/and/on/and/on/docker-compose.production.yml';
    const text = toInspectionSheet(
      {
        ...inspection,
        imageId,
        command: ['nginx', '-g', 'daemon off; '.repeat(20)],
        environment: ['PATH', 'N'.repeat(130)],
        labels: {
          'com.docker.compose.project.config_files': file,
          [`org.example.${'x'.repeat(100)}`]: 'yes',
        },
        mounts: inspection.mounts.map((mount) => ({ ...mount, name: 'a1b2'.repeat(16) })),
      },
      { ...view, width },
    );
    expect(text.split('\n').filter((line) => line.length > width)).toEqual([]);
    const joined = text.replace(/\s+/g, '');
    for (const whole of [imageId, 'daemonoff;'.repeat(20), 'N'.repeat(130)]) {
      expect(joined).toContain(whole);
    }
  },
);

test('in a terminal of 80 columns no line of jobs wraps, with ids, states and ages whole', () => {
  const jobs = [
    { ...job, target: 'a-container-with-a-rather-long-name-1' },
    { ...job, startedAt: '2026-02-08T12:29:30Z', state: 'cancelled' as const },
  ];
  const text = toJobTable(jobs, { ...view, width: 80 });
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  expect(text).toContain(`${job.id}   a-contain`);
  expect(text).toMatch(/cancelled +46 minutes ago/);
});
