// Followed logs, events, jobs, inspect and stats as callers see them; part of the behaviour suite.

import type {
  ContainerActionResult,
  ContainerInspection,
  ContainerStats,
  Job,
  LogLine,
  OnDemandEvent,
} from '@ondemand/core';
import { describe, expect, test } from 'vitest';
import { expectApiError } from '../support/expect-api-error.ts';
import { openSse, type SseMessage } from '../support/sse.ts';
import { until } from '../support/until.ts';
import { type BehaviourWorld, mixedLines, secretWord, talkativeLines, ttyLines } from './world.ts';

type GetWorld = () => BehaviourWorld;

export function declareLive(getWorld: GetWorld): void {
  describe('followed logs', () => declareFollowedLogs(getWorld));
  describe('events', () => declareEvents(getWorld));
  describe('inspect and stats', () => declareInspection(getWorld));
}

function declareFollowedLogs(getWorld: GetWorld): void {
  const streamOf = (part: keyof BehaviourWorld['containers'], query = '') =>
    `/containers/${getWorld().containers[part]}/logs/stream${query}`;

  test.each([
    ['talkative', talkativeLines],
    ['mixed', mixedLines],
    ['tty', ttyLines],
  ] as const)(
    'of the %s container gives every line once and ends where it is told to',
    async (...each) => {
      const [part, lines] = each;
      await using log = await openSse(getWorld().app, streamOf(part, '?tail=all&follow=false'));
      const messages = await log.rest();
      expect(messages.at(-1)?.event).toBe('end');
      const given = messages.slice(0, -1).map(toLine);
      // The two streams reach Docker on two ways; within each the order is the writer's.
      for (const stream of ['stdout', 'stderr']) {
        const expected = lines.filter((line) => line.startsWith('err') === (stream === 'stderr'));
        expect(given.filter((line) => line.stream === stream).map(({ line }) => line)).toEqual(
          expected,
        );
      }
      for (const { time } of given) expect(time).toBeUndefined();
    },
  );

  test('starts with the last lines, as many as were asked for, 100 of themselves', async () => {
    for (const [query, count] of [
      ['?tail=2&', 2],
      ['?tail=0&', 0],
      ['?', 100],
    ] as const) {
      await using log = await openSse(
        getWorld().app,
        streamOf('talkative', `${query}follow=false`),
      );
      const lines = (await log.rest()).slice(0, -1).map(toLine);
      expect(lines.map(({ line }) => line)).toEqual(
        count === 0 ? [] : talkativeLines.slice(-count),
      );
    }
  });

  test('goes on behind the line that a returning reader has, whichever that is', async () => {
    const { app } = getWorld();
    await using whole = await openSse(app, streamOf('mixed', '?tail=all&follow=false'));
    const messages = (await whole.rest()).slice(0, -1);
    for (const [index, { id }] of messages.entries()) {
      await using log = await openSse(app, streamOf('mixed', '?tail=all&follow=false'), {
        lastEventId: id,
      });
      const rest = (await log.rest()).slice(0, -1).map(toLine);
      expect(rest).toEqual(messages.slice(index + 1).map(toLine));
    }
  });

  test('gives times when they are asked for, and lines since one of them', async () => {
    const { app } = getWorld();
    await using stamped = await openSse(app, streamOf('mixed', '?tail=all&follow=0&timestamps=1'));
    const lines = (await stamped.rest()).slice(0, -1).map(toLine);
    for (const { time } of lines) {
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    }
    const since = encodeURIComponent(lines.find(({ line }) => line === 'out 3')?.time ?? '');
    await using late = await openSse(app, streamOf('mixed', `?follow=false&since=${since}`));
    const texts = (await late.rest()).slice(0, -1).map((message) => toLine(message).line);
    expect(texts).toContain('out 3');
    expect(texts).not.toContain('out 2');
  });

  test('is bare text where that is asked for', async () => {
    const response = await getWorld().app.get(streamOf('talkative', '?tail=3&follow=false'), {
      headers: { accept: 'text/plain' },
    });
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe(`${talkativeLines.slice(-3).join('\n')}\n`);
  });

  test('has the headers that keep proxies from holding it up', async () => {
    await using log = await openSse(getWorld().app, streamOf('plain'));
    expect(log.headers.get('x-accel-buffering')).toBe('no');
    expect(log.headers.get('cache-control')).toMatch(/no-cache/);
    expect(log.headers.get('content-length')).toBeNull();
  });

  test.each([
    ['tail=-1'],
    ['tail=some'],
    ['tail=1e3'],
    ['since=yesterday'],
    ['timestamps=yes'],
    ['follow=2'],
    ['lines=5'],
    ['tail=1&tail=2'],
  ])('with ?%s is refused before anything is read', async (query) => {
    await expectApiError(await getWorld().app.get(streamOf('plain', `?${query}`)), 'BAD_REQUEST');
  });

  test('with a Last-Event-ID that is none is refused', async () => {
    const headers = { 'last-event-id': 'nonsense' };
    const response = await getWorld().app.get(streamOf('plain'), { headers });
    await expectApiError(response, 'BAD_REQUEST');
  });
}

function declareEvents(getWorld: GetWorld): void {
  test('tell what happens to a container, and resume behind the last one that was seen', async () => {
    const { app, containers } = getWorld();
    await using first = await openSse(app, '/events');
    await app.postJson<ContainerActionResult>(`/containers/${containers.plain}/restart`);
    const seen = await readUntil(first, containers.plain, 'restart');
    const actions = seen.map(({ event }) => event.action);
    expect(actions).toEqual(expect.arrayContaining(['die', 'start', 'restart']));
    for (const { message, event } of seen) {
      expect(message.event).toBe('container');
      expect(event).toMatchObject({ name: containers.plain, image: expect.stringMatching(/\S/) });
    }
    const after = actions.indexOf('die');
    await using second = await openSse(app, '/events', { lastEventId: seen[after]?.message.id });
    const again = await readUntil(second, containers.plain, 'restart');
    expect(again.map(({ event }) => event.action)).toEqual(actions.slice(after + 1));
  });

  test('send resync to a reader that resumes from another process', async () => {
    await using listener = await openSse(getWorld().app, '/events', { lastEventId: 'elsewhere-7' });
    const message = await listener.next();
    expect(message?.event).toBe('resync');
    expect(JSON.parse(message?.data ?? '')).toMatchObject({ type: 'resync', reason: /\S/ });
  });

  test('tell of a job as it begins and ends, and the job is told of as well', async () => {
    const { app, containers } = getWorld();
    await using listener = await openSse(app, '/events');
    const path = `/containers/${containers.web}/rebuild`;
    const response = await app.post(path, { headers: { prefer: 'respond-async' } });
    expect(response.status).toBe(202);
    const { job = '' } = (await response.json()) as ContainerActionResult; // its parts are checked below
    const states: string[] = [];
    while (states.at(-1) !== 'succeeded') {
      const event = toEvent(await listener.next());
      if (event.type === 'job' && event.id === job) states.push(event.state);
    }
    expect(states).toEqual(['running', 'succeeded']);
    const known = await app.getJson<Job>(`/jobs/${job}`);
    expect(known).toMatchObject({
      id: job,
      kind: 'rebuild',
      target: containers.web,
      state: 'succeeded',
      exitCode: 0,
      finishedAt: expect.stringMatching(/Z$/),
    });
    const jobs = await app.getJson<Job[]>('/jobs');
    expect(jobs.map(({ id }) => id)).toContain(job);

    // Its output, whole and from any place in it.
    await using output = await openSse(app, `/jobs/${job}/output`);
    const messages = (await output.rest()).slice(0, -1);
    const text = messages.map(({ data }) => (JSON.parse(data) as { text: string }).text).join('');
    expect(text).toBe(known.output);
    await using rest = await openSse(app, `/jobs/${job}/output`, {
      lastEventId: messages[0]?.id,
    });
    expect((await rest.rest()).slice(0, -1).map(({ data }) => data)).toEqual(
      messages.slice(1).map(({ data }) => data),
    );
  });

  test('of a job that does not exist there is nothing', async () => {
    const { app } = getWorld();
    await expectApiError(await app.get('/jobs/no-such-job'), 'NOT_FOUND');
    await expectApiError(await app.get('/jobs/no-such-job/output'), 'NOT_FOUND');
    await expectApiError(await app.get('/jobs/..%2Fetc'), 'BAD_REQUEST');
  });
}

function declareInspection(getWorld: GetWorld): void {
  test('inspect tells what a container is, and of its environment the names alone', async () => {
    const { app, containers } = getWorld();
    const text = await (await app.get(`/containers/${containers.secretive}/inspect`)).text();
    expect(text).not.toContain(secretWord);
    const inspection = JSON.parse(text) as ContainerInspection; // its parts are checked
    expect(inspection).toMatchObject({
      name: containers.secretive,
      state: 'running',
      exitCode: null,
      restartPolicy: { name: expect.any(String) },
      tty: false,
    });
    expect(inspection.environment).toContain('SECRET_WORD');
    expect(inspection.labels['org.example.repeats']).toBe('say ***');
    expect(inspection.networks).not.toEqual([]);
    const ended = await app.getJson<ContainerInspection>(
      `/containers/${containers.exited}/inspect`,
    );
    expect(ended).toMatchObject({ state: 'exited', exitCode: 3 });
    const created = await app.getJson<ContainerInspection>(
      `/containers/${containers.created}/inspect`,
    );
    expect(created).toMatchObject({ state: 'created', startedAt: null, finishedAt: null });
  });

  test('stats give one sample in whole numbers, and zeros for a container that does not run', async () => {
    const { app, containers } = getWorld();
    const stats = await until('a sample with a process in it', async () => {
      const sample = await app.getJson<ContainerStats>(`/containers/${containers.web}/stats`);
      return sample.pids > 0 ? sample : undefined;
    });
    expect(stats.container).toBe(containers.web);
    expect(stats.memoryBytes).toBeGreaterThan(0);
    expect(stats.memoryLimitBytes).toBeGreaterThan(stats.memoryBytes);
    expect(stats.cpuPercent).toBeGreaterThanOrEqual(0);
    const {
      readAt: _,
      container: __,
      ...idle
    } = await app.getJson<ContainerStats>(`/containers/${containers.exited}/stats`);
    expect(new Set(Object.values(idle))).toEqual(new Set([0]));
  });

  test.each(['inspect', 'stats', 'logs/stream'])(
    '%s of a container that does not exist is NOT_FOUND and names it',
    async (verb) => {
      const response = await getWorld().app.get(`/containers/ngnix/${verb}`);
      const error = await expectApiError(response, 'NOT_FOUND');
      expect(error.message).toContain("'ngnix'");
    },
  );
}

function toLine({ data }: SseMessage): LogLine {
  return JSON.parse(data) as LogLine; // its parts are compared
}

function toEvent(message: SseMessage | undefined): OnDemandEvent {
  if (message === undefined) return expect.unreachable('the stream ended');
  return JSON.parse(message.data) as OnDemandEvent; // its parts are compared
}

type ContainerEvent = Extract<OnDemandEvent, { type: 'container' }>;

/** The container's own events up to that action. */
async function readUntil(
  listener: Awaited<ReturnType<typeof openSse>>,
  name: string,
  last: string,
): Promise<readonly { readonly message: SseMessage; readonly event: ContainerEvent }[]> {
  const seen: { readonly message: SseMessage; readonly event: ContainerEvent }[] = [];
  while (seen.at(-1)?.event.action !== last) {
    const message = await listener.next();
    const event = toEvent(message);
    if (message !== undefined && event.type === 'container' && event.name === name) {
      seen.push({ message, event });
    }
  }
  return seen;
}
