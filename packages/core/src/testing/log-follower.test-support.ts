// A follower of the fake engine's one log over real sockets, and readers that keep what they get.

import type { Clock } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { systemClock } from '../concurrency/clock.ts';
import { createEngine } from '../docker/engine/engine.ts';
import { createLogFollower, type FollowedLine, type FollowOptions } from '../logs/follower.ts';
import type { VmReach } from '../vm/require-running.ts';
import { type FakeLog, startFakeLog } from './fake-log.test-support.ts';

/** A VM that is always there. */
export const reachAlways: VmReach['reach'] = (work, signal = new AbortController().signal) =>
  work(signal);

interface WorldOptions {
  readonly reach?: VmReach['reach'];
  readonly clock?: Clock;
}

interface ReadOptions extends FollowOptions {
  readonly name?: string;
  /** Leaves after so many lines. */
  readonly limit?: number;
}

export async function startWorld({ reach = reachAlways, clock = systemClock }: WorldOptions = {}) {
  const log = await startFakeLog();
  const over = new AbortController();
  const engine = createEngine(log.engine);
  const follow = createLogFollower({
    engine,
    reach,
    clock,
    find: async (name, { signal }) => {
      const all = await reach((reaching) => engine.list({ signal: reaching }), signal);
      const found = all.find((each) => each.name === name || each.id.startsWith(name));
      if (found === undefined) throw new AppError('NOT_FOUND', 'not there');
      return found;
    },
  });

  return {
    log,
    follow,
    async read({ name = 'web', limit = Number.POSITIVE_INFINITY, ...options }: ReadOptions = {}) {
      const answer = await follow(name, { signal: over.signal, ...options });
      const lines: FollowedLine[] = [];
      const texts: string[] = [];
      const ended = (async () => {
        for await (const batch of answer) {
          for (const line of batch) {
            if (lines.length === limit) return;
            lines.push(line);
            texts.push(line.line);
          }
          if (lines.length === limit) return;
        }
      })();
      ended.catch(() => {}); // looked at by those tests that expect it
      return { lines, texts, ended };
    },
    async [Symbol.asyncDispose]() {
      over.abort(new Error('the test is over'));
      await engine[Symbol.asyncDispose]();
      await log[Symbol.asyncDispose]();
    },
  };
}

/** Both streams by turns, in the engine's order: across the two, times go back now and then. */
export function writeDisordered(log: FakeLog, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const stream = n % 3 === 1 ? 2 : 1;
    log.write(`${n}\n`, { stream, nanos: n * 1000 + (stream === 2 ? 0 : 2500) });
  }
}

/** From the first to before the last, as texts. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, n) => String(from + n));
}
