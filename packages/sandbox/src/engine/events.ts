// GET /events: the engine's past events, and its listeners.

import { type NanoTime, nanosToSeconds } from './logs/nano-time.ts';

export interface EngineEvent {
  readonly type: string;
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly time: NanoTime;
}

export interface EventQuery {
  readonly since: NanoTime | undefined;
  readonly until: NanoTime | undefined;
  readonly accepts: (event: EngineEvent) => boolean;
}

export interface Events {
  emit(event: EngineEvent): void;
  /** What is remembered since `since`, then everything new until `until` or the signal. */
  read(query: EventQuery, signal: AbortSignal): AsyncGenerator<EngineEvent>;
}

/** Node warns about longer ones. */
const maxTimerMs = 2 ** 31 - 1;

/** Events with dockerd's memory of 256, which only a query with `since` or `until` gets to see. */
export function createEvents(now: () => NanoTime): Events {
  const remembered: EngineEvent[] = [];
  const listeners = new Set<(event: EngineEvent) => void>();
  return {
    emit(event) {
      remembered.push(event);
      if (remembered.length > 256) remembered.shift();
      for (const listener of [...listeners]) listener(event);
    },
    async *read({ since, until, accepts }, signal) {
      const queue =
        since === undefined && until === undefined
          ? []
          : remembered.filter((event) => event.time >= (since ?? 0n));
      let wake = (): void => {};
      const listener = (event: EngineEvent): void => {
        queue.push(event);
        wake();
      };
      const timers: NodeJS.Timeout[] = [];
      listeners.add(listener);
      try {
        while (!signal.aborted) {
          const event = queue.shift();
          if (event !== undefined) {
            if (until !== undefined && event.time > until) return;
            if (accepts(event)) yield event;
            continue;
          }
          const leftMs = until === undefined ? undefined : Number((until - now()) / 1_000_000n);
          if (leftMs !== undefined && leftMs <= 0) return;
          await new Promise<void>((resolve) => {
            wake = () => {
              signal.removeEventListener('abort', wake);
              resolve();
            };
            signal.addEventListener('abort', wake);
            if (leftMs !== undefined)
              timers.push(setTimeout(wake, Math.min(leftMs, maxTimerMs)).unref());
          });
          for (const timer of timers.splice(0)) clearTimeout(timer);
        }
      } finally {
        listeners.delete(listener);
        for (const timer of timers) clearTimeout(timer);
      }
    },
  };
}

/** One event as a line of the stream. */
export function toEventLine(event: EngineEvent): string {
  const container = event.type === 'container';
  const json = JSON.stringify({
    ...(container && { status: event.action, id: event.id, from: event.attributes.image }),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: event.attributes },
    scope: 'local',
    time: nanosToSeconds(event.time),
  });
  // JavaScript's numbers cannot hold the nanoseconds, the wire carries all their digits.
  return `${json.slice(0, -1)},"timeNano":${event.time}}\n`;
}
