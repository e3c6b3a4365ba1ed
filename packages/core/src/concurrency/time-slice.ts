// Long computations in slices, so that whatever else the process does need not wait for their end.

/** Awaited often during a computation: lets other work run once `sliceMs` have gone by since the last time. */
export function createTimeSlice({ sliceMs = 8, nowMs = () => performance.now() } = {}) {
  let begunMs = nowMs();
  return async function giveWay(): Promise<void> {
    if (nowMs() - begunMs < sliceMs) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    begunMs = nowMs();
  };
}
