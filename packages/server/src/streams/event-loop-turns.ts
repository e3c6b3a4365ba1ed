// One piece of work a turn of the event loop, however many have work: connections and other requests come in between.

/** Calls `run` in a later turn, after those that asked before. */
export type TakeTurn = (run: () => void) => void;

declare module 'fastify' {
  interface FastifyInstance {
    /** Shared by all streams of the process. */
    readonly takeTurn: TakeTurn;
  }
}

export function createTurns(later: (run: () => void) => void = setImmediate): TakeTurn {
  const waiting = new Set<{ readonly run: () => void }>(); // in the order in which they came

  return (run) => {
    waiting.add({ run });
    if (waiting.size === 1) later(next);
  };

  function next(): void {
    const [first] = waiting;
    if (first === undefined) return;
    waiting.delete(first);
    if (waiting.size > 0) later(next);
    first.run();
  }
}
