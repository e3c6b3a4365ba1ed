// Converts a time without a zone from the caller's local time to UTC, as docker does; the API does not know the caller's zone.

/** The same moment in UTC; what is no such time, or has a zone, is left as it is for the API to judge. */
export function toZoned(text: string): string {
  const match = localTime.exec(text);
  if (match === null) return text;
  const [, date = '', hours = '00', minutes = ':00', seconds = ':00', fraction = ''] = match;
  const moment = new Date(`${date}T${hours}${minutes}${seconds}`);
  // `Date` takes the 30th of February for the 2nd of March.
  if (Number.isNaN(moment.getTime()) || !new Date(date).toISOString().startsWith(date)) return text;
  return moment.toISOString().replace('.000Z', `${fraction}Z`);
}

const localTime =
  /^(\d{4}-\d{2}-\d{2})(?:[T ]([01]\d|2[0-3])(?:(:\d{2})(?:(:\d{2})(\.\d{1,9})?)?)?)?$/;
