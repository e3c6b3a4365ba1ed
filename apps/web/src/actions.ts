// What a button does, and how it went, as the page tells it.

import { useState } from 'preact/hooks';

export interface Action {
  readonly isRunning: boolean;
  /** What it failed with. */
  readonly failure: string | undefined;
  run(work: () => Promise<unknown>): Promise<void>;
}

/** One at a time. */
export function useAction(): Action {
  const [isRunning, setRunning] = useState(false);
  const [failure, setFailure] = useState<string>();
  return {
    isRunning,
    failure,
    async run(work) {
      if (isRunning) return;
      setRunning(true);
      setFailure(undefined);
      try {
        await work();
      } catch (error) {
        setFailure(error instanceof Error ? error.message : String(error));
      } finally {
        setRunning(false);
      }
    },
  };
}
