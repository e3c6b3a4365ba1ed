import type { IdleVerdict, VmReady } from '@ondemand/client';
import { describe, expect, test } from 'vitest';
import {
  toActionText,
  toDuration,
  toPhaseWords,
  toPublishedPorts,
  toRetryText,
  toUptime,
  toWhy,
} from './texts.ts';

const ready: VmReady = {
  ready: true,
  phase: 'on',
  vm: { lifecycleState: 'RUNNING' },
  ssh: { ok: true },
  docker: { ok: true, version: '28' },
  checkedAt: '2026-01-01T00:00:00Z',
};
const idle: IdleVerdict = {
  enabled: true,
  dryRun: false,
  usedAt: null,
  usedBy: null,
  stopsAt: null,
  stopsBecause: null,
  signals: [],
  leases: [],
};
const signal = { value: 1, threshold: 0, lastUsedAt: null, by: null };
const nowMs = Date.parse('2026-01-01T00:00:00Z');

test.each([
  [0, '0:00'],
  [32_400, '0:32'],
  [119_000, '1:59'],
  [12 * 60_000, '12 min'],
  [185 * 60_000, '3 h 5 min'],
  [-5, '0:00'],
])('%i ms are %s', (ms, text) => {
  expect(toDuration(ms)).toBe(text);
});

test.each<[Partial<VmReady>, Partial<IdleVerdict> | undefined, string]>([
  [{}, undefined, 'On'],
  [{}, { stopsAt: '2026-01-01T00:12:00Z' }, 'Stops in 12 min'],
  [{ phase: 'waking', ready: false }, undefined, 'Waking 0:32'],
  [{ phase: 'asleep', ready: false }, undefined, 'Asleep'],
  [{ phase: 'off-inside', ready: false }, undefined, 'Off inside but billed'],
  [{ phase: 'unreachable', ready: false }, undefined, 'Unreachable'],
])('%j with %j is one big word', (change, verdict, word) => {
  const facts = { sinceMs: nowMs - 32_000, idle: verdict && { ...idle, ...verdict }, nowMs };
  expect(toPhaseWords({ ...ready, ...change }, facts).word).toBe(word);
});

test.each<[Partial<VmReady>, Partial<IdleVerdict> | undefined, RegExp]>([
  [{}, { signals: [{ ...signal, name: 'cpu', state: 'used', by: 'web' }] }, /^Used: web$/],
  [{}, { signals: [{ ...signal, name: 'probe', state: 'unknown' }] }, /^Stays on: probe cannot/],
  [{ phase: 'waking', ready: false, vm: { lifecycleState: 'STARTING' } }, undefined, /Oracle/],
  [{ phase: 'waking', ready: false, docker: { ok: false } }, undefined, /^Docker starts$/],
  [
    { phase: 'unreachable', ready: false, ssh: { ok: false, reason: 'no route' } },
    undefined,
    /^no route$/,
  ],
  [
    { nextStart: { reason: 'OUT_OF_CAPACITY', at: '2026-01-01T00:01:00Z' } },
    undefined,
    /no free host/,
  ],
])('%j with %j says why in one line', (change, verdict, text) => {
  expect(toWhy({ ...ready, ...change }, verdict && { ...idle, ...verdict })).toMatch(text);
});

describe('published ports', () => {
  test.each([
    ['0.0.0.0:8080->80/tcp, :::8080->80/tcp', ['http://192.0.2.1:8080']],
    ['0.0.0.0:80->80/tcp', ['http://192.0.2.1']],
    ['0.0.0.0:443->443/tcp', ['https://192.0.2.1']],
    ['0.0.0.0:9443->443/tcp', ['https://192.0.2.1:9443']],
    ['127.0.0.1:5432->5432/tcp', []],
    ['[::1]:5432->5432/tcp', []],
    ['0.0.0.0:53->53/udp', []],
    ['9000/tcp', []],
    ['', []],
  ])('%s', (ports, urls) => {
    expect(toPublishedPorts(ports, '192.0.2.1').map(({ url }) => url)).toEqual(urls);
    expect(toPublishedPorts(ports, undefined)).toEqual([]);
  });
});

test.each([
  ['Up 2 hours (healthy)', 'Up 2 hours'],
  ['Up 5 seconds (health: starting)', 'Up 5 seconds'],
  ['Exited (137) 2 days ago', '(137) 2 days ago'],
  ['Created', 'Created'],
])('%s is shown as %s', (uptime, text) => {
  expect(toUptime(uptime)).toBe(text);
});

test.each([
  ['containers_restart', 'nginx', 'success', / ann: restart nginx$/],
  ['vm_takeLease', 'oci-flex', 'refused', / ann: take lease oci-flex, refused$/],
] as const)('%s of %s, %s', (action, target, outcome, text) => {
  const entry = {
    time: '2026-01-01T00:00:00Z',
    sub: 'ann',
    clientId: 'cli',
    ip: '::1',
    requestId: 'r',
  };
  expect(toActionText({ ...entry, action, target, outcome })).toMatch(text);
});

test('a wake that waits says what for, and in how long it tries next', () => {
  const nowMs = Date.parse('2026-01-01T00:00:00Z');
  const next = { reason: 'OUT_OF_CAPACITY', at: '2026-01-01T00:00:20Z' } as const;
  const waiting = { ...ready, ready: false, phase: 'waking', nextStart: next } as const;
  const retry = { why: 'It broke', atMs: nowMs + 3000 };
  expect(toRetryText({ ready, retry: undefined, nowMs })).toBe('');
  expect(toRetryText({ ready: waiting, retry: undefined, nowMs })).toBe(
    'Oracle has no free host; next try in 0:20',
  );
  expect(toRetryText({ ready: waiting, retry, nowMs })).toBe('It broke; next try in 0:03');
});
