// Past times as people read them.

import { formatLocal } from './local-time.ts';
import { formatTimeLeft } from './time-left.ts';

/** `3 hours ago`; a clock that goes ahead of ours makes no future of it. */
export function formatAge(time: string, now: Date): string {
  return formatTimeLeft(Math.min(0, Date.parse(time) - now.getTime()));
}

/** `3 hours ago (2026-02-08 11:15:30)`, by the reader's clock. */
export function formatMoment(time: string, now: Date): string {
  return `${formatAge(time, now)} (${formatLocal(time)})`;
}

/** `14:03:22`, by the clock on the wall. */
export function formatTime(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}
