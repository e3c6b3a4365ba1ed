// Times by the clock and the calendar of who reads them; JSON has them in UTC, as the API gives them.

/** `2026-02-08 11:15:30`; what is no time stays as it is. */
export function formatLocal(time: string): string {
  const parts = toParts(time);
  return parts === undefined ? time : `${parts.date} ${parts.clock}`;
}

/** `2026-02-08T11:15:30+01:00`, one word, as docker events begins its lines. */
export function formatLocalStamp(time: string): string {
  const parts = toParts(time);
  return parts === undefined ? time : `${parts.date}T${parts.clock}${parts.offset}`;
}

function toParts(time: string) {
  const moment = new Date(time);
  if (Number.isNaN(moment.getTime())) return undefined;
  const clock = [moment.getHours(), moment.getMinutes(), moment.getSeconds()];
  const ahead = -moment.getTimezoneOffset();
  const offset = [Math.floor(Math.abs(ahead) / 60), Math.abs(ahead) % 60];
  return {
    date: [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())].join('-'),
    clock: clock.map(two).join(':'),
    offset: `${ahead < 0 ? '-' : '+'}${offset.map(two).join(':')}`,
  };
}

function two(part: number): string {
  return String(part).padStart(2, '0');
}
