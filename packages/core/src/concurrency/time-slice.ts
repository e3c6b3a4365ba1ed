// Splits long computations into time slices, so that they do not block the event loop.

/** Awaited often during a computation: lets other work run once `sliceMs` have gone by since the last time. */
export function createTimeSlice({ sliceMs = 8, nowMs = () => performance.now() } = {}) {
  let begunMs = nowMs();
  return async function giveWay(): Promise<void> {
    if (nowMs() - begunMs < sliceMs) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    begunMs = nowMs();
  };
}
