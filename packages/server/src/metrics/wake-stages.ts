// How long the VM takes to come up, stage by stage.

import type { Clock, Readiness } from '@ondemand/core';

/** OCI says RUNNING, SSH answers, Docker answers. */
export const wakeStages = ['vm', 'ssh', 'docker'] as const;
export type WakeStage = (typeof wakeStages)[number];

export interface WakeStagesOptions {
  readonly readiness: Pick<Readiness, 'watch'>;
  readonly clock: Pick<Clock, 'elapsedMs'>;
  readonly onStage: (stage: WakeStage, seconds: number) => void;
}

export interface WakeStages {
  /** Call once OCI took a START; another one begins anew. */
  begin(): void;
}

/** Watches after each START until Docker answers, for fifteen minutes at most. */
export function createWakeStages({ readiness, clock, onStage }: WakeStagesOptions): WakeStages {
  let current: AbortController | undefined;

  return {
    begin() {
      current?.abort();
      const own = new AbortController();
      current = own;
      const timer = setTimeout(() => own.abort(), maxWakeMs);
      timer.unref();
      void watch(own.signal)
        .catch(() => {}) // there is no stage to tell of
        .finally(() => clearTimeout(timer));
    },
  };

  async function watch(signal: AbortSignal): Promise<void> {
    const beganMs = clock.elapsedMs();
    const left = new Set(wakeStages);
    for await (const { vm, ssh, docker } of await readiness.watch({ follow: true, signal })) {
      const reached = { vm: vm.lifecycleState === 'RUNNING', ssh: ssh.ok, docker: docker.ok };
      for (const stage of [...left].filter((each) => reached[each])) {
        left.delete(stage);
        onStage(stage, (clock.elapsedMs() - beganMs) / 1000);
      }
      if (left.size === 0) return;
    }
  }
}

/** Longer than a wake is waited for. */
const maxWakeMs = 15 * 60_000;
