// Sources that tests drive by hand, and readers of what comes out at the other end.

import { type Agent, request } from 'node:http';
import type { FollowedLine } from '@ondemand/core';
import type { TestServer } from './test-server.test-support.ts';

export interface Source<Item> extends AsyncIterable<Item> {
  push(...items: Item[]): void;
  end(): void;
  fail(error: unknown): void;
  /** How often it was asked for an item. */
  readonly asked: number;
  readonly isLeft: boolean;
}

/** Gives what is pushed, when it is asked; never ends by itself. */
export function createSource<Item>(): Source<Item> {
  const waiting: (() => Promise<IteratorResult<Item, void>>)[] = [];
  let wake = () => {};
  let asked = 0;
  let isLeft = false;
  const put = (answer: () => Promise<IteratorResult<Item, void>>) => {
    waiting.push(answer);
    wake();
  };
  const next = async (): Promise<IteratorResult<Item, void>> => {
    const answer = waiting.shift();
    if (answer !== undefined) return answer();
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
    return next();
  };
  return {
    push: (...items) => {
      for (const value of items) put(async () => ({ done: false, value }));
    },
    end: () => put(async () => ({ done: true, value: undefined })),
    fail: (error) => put(async () => Promise.reject(error)),
    get asked() {
      return asked;
    },
    get isLeft() {
      return isLeft;
    },
    [Symbol.asyncIterator]: () => ({
      next() {
        asked += 1;
        return next();
      },
      async return() {
        isLeft = true;
        return { done: true, value: undefined };
      },
    }),
  };
}

/** A line of a followed log; `position` is its number. */
export function toLine(number: number, line = `line ${number}`): FollowedLine {
  return {
    line,
    stream: 'stdout',
    at: { seconds: 1_770_545_730, nanos: number },
    position: String(number),
  };
}

export interface SseEvent {
  readonly event?: string;
  readonly id?: string;
  readonly data?: string;
  readonly retry?: string;
  readonly comment?: string;
}

export interface Reader extends Disposable {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Everything so far. */
  text(): string;
  events(): SseEvent[];
  /** Resolves with all events once there are so many; rejects when the answer ends or 5 s pass before. */
  until(count: number): Promise<SseEvent[]>;
  /** Resolves with the whole text once it ended well; rejects when it was cut off, and after a minute. */
  ended(): Promise<string>;
  /** Takes nothing more, until it is resumed. */
  pause(): void;
  resume(): void;
  /** Closes the connection. */
  leave(): void;
}

/** Resolves once the headers are there. */
export function openReader(
  server: Pick<TestServer, 'url'>,
  path: string,
  {
    as = 'read',
    headers = {},
    method = 'GET',
    agent = false,
  }: {
    readonly as?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly method?: string;
    readonly agent?: Agent | false;
  } = {},
): Promise<Reader> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${server.url}${path}`, {
      method,
      agent,
      headers: { authorization: `Bearer ${as}`, ...headers },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      let text = '';
      let state: 'open' | 'ended' | 'cut' = 'open';
      let notify = () => {};
      const change = (action: () => void) => () => {
        action();
        notify();
      };
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        notify();
      });
      response.once(
        'end',
        change(() => {
          state = 'ended';
        }),
      );
      response.once(
        'error',
        change(() => {
          state = 'cut';
        }),
      );
      const when = async (isDone: () => boolean, isLost: () => boolean) => {
        const deadline = setTimeout(() => {
          state = 'cut';
          notify();
        }, 60_000);
        while (!isDone()) {
          if (isLost()) {
            clearTimeout(deadline);
            throw new Error(`the stream is ${state} after ${JSON.stringify(text.slice(-500))}`);
          }
          await new Promise<void>((done) => {
            notify = done;
          });
        }
        clearTimeout(deadline);
      };
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: () => text,
        events: () => parseSse(text),
        async until(count) {
          await when(
            () => parseSse(text).length >= count,
            () => state !== 'open',
          );
          return parseSse(text);
        },
        async ended() {
          await when(
            () => state === 'ended',
            () => state === 'cut',
          );
          return text;
        },
        pause: () => response.pause(),
        resume: () => response.resume(),
        leave: () => outgoing.destroy(),
        [Symbol.dispose]: () => outgoing.destroy(),
      });
    });
    outgoing.end();
  });
}

/** Whole events only. */
export function parseSse(text: string): SseEvent[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((block) =>
      Object.fromEntries(
        block
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => {
            const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
            return [name === '' ? 'comment' : name, value];
          }),
      ),
    )
    .filter((event) => Object.keys(event).length > 0);
}
