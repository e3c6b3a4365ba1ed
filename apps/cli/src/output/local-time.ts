// Times by the clock and the calendar of who reads them; JSON has them in UTC, as the API gives them.

/** `2026-02-08 11:15:30`; what is no time stays as it is. */
export function formatLocal(time: string): string {
  const moment = new Date(time);
  if (Number.isNaN(moment.getTime())) return time;
  const two = (part: number) => String(part).padStart(2, '0');
  const date = [moment.getFullYear(), two(moment.getMonth() + 1), two(moment.getDate())];
  const clock = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two);
  return `${date.join('-')} ${clock.join(':')}`;
}
