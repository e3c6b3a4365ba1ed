// The time until a moment, as people say it.

/** `in 59 minutes`, `in 2 days`, `a moment ago`; rounded down, as what is left may be relied on. */
export function formatTimeLeft(msLeft: number): string {
  const seconds = Math.floor(Math.abs(msLeft) / 1000);
  const unit = units.find(({ from }) => seconds >= from);
  if (unit === undefined) return msLeft > 0 ? 'in a moment' : 'a moment ago';
  const amount = Math.floor(seconds / unit.step);
  const text = `${amount} ${unit.name}${amount === 1 ? '' : 's'}`;
  return msLeft > 0 ? `in ${text}` : `${text} ago`;
}

/** Larger units begin at two of them: 90 minutes say more than 1 hour. */
const units = [
  { name: 'day', from: 2 * 86_400, step: 86_400 },
  { name: 'hour', from: 2 * 3600, step: 3600 },
  { name: 'minute', from: 60, step: 60 },
  { name: 'second', from: 1, step: 1 },
] as const;
