// Detects a silent connection: a machine that was powered off sends nothing, not even a FIN.

import type { Socket } from 'node:net';

const ticksPerInterval = 4;
// 13 silent ticks after the one that noticed the last byte: found within 3.5 intervals, which leaves a
// busy event loop half of one, and after three pings.
const silentTicks = 13;

/**
 * Calls `onSilent` when nothing at all has arrived for 3.25 to 3.5 intervals; returns what stops the watch.
 * Any byte counts as life, so that a slow line full of data is no dead one; and ticks count rather than time, so that a process that was suspended gives its peer a chance to speak.
 */
export function watchSilence(
  socket: Socket,
  { intervalMs, onSilent }: { intervalMs: number; onSilent: () => void },
): () => void {
  let bytesRead = socket.bytesRead;
  let silent = 0;
  const timer = setInterval(() => {
    if (socket.bytesRead !== bytesRead) {
      bytesRead = socket.bytesRead;
      silent = 0;
      return;
    }
    silent += 1;
    if (silent < silentTicks) return;
    clearInterval(timer);
    onSilent();
  }, intervalMs / ticksPerInterval);
  return () => clearInterval(timer);
}
