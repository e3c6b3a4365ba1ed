// What form of an answer a caller asked for: https://www.rfc-editor.org/rfc/rfc9110.html#section-12.5.1

/** True for a caller that prefers bare text to the usual form; one that accepts both equally gets text only by naming it alone. */
export function prefersText(accept = '', usual: string): boolean {
  const ranges = toRanges(accept);
  const text = judge('text/plain', ranges);
  const other = judge(usual, ranges);
  if (text.quality !== other.quality) return text.quality > other.quality;
  return text.quality > 0 && text.precision > other.precision;
}

/** True for a caller that asks a stream for bare text, and for no wider type nor JSON with the same weight: axios and Angular name all of them. */
export function prefersTextStream(accept = ''): boolean {
  const ranges = toRanges(accept);
  const { quality } = judge('text/plain', ranges);
  const others = ['text/event-stream', 'application/json', 'text/*', '*/*'];
  return quality > 0 && others.every((other) => (ranges.get(other) ?? 0) < quality);
}

/** True for an EventSource, which always names it. */
export function namesEventStream(accept = ''): boolean {
  return (toRanges(accept).get('text/event-stream') ?? 0) > 0;
}

/** True for a caller that takes gzip: https://www.rfc-editor.org/rfc/rfc9110.html#section-12.5.3 */
export function acceptsGzip(acceptEncoding = ''): boolean {
  const codings = toRanges(acceptEncoding);
  return (codings.get('gzip') ?? codings.get('*') ?? 0) > 0;
}

function toRanges(accept: string): ReadonlyMap<string, number> {
  const parts = accept.split(',').filter((part) => part.trim() !== '');
  return new Map(parts.map(toRange));
}

function toRange(part: string): readonly [type: string, quality: number] {
  const [type = '', ...parameters] = part.split(';').map((each) => each.trim().toLowerCase());
  const weight = parameters.find((each) => each.startsWith('q='))?.slice(2);
  return [type, weight !== undefined && qvalue.test(weight) ? Number(weight) : 1];
}

const qvalue = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** By the most precise range that speaks of the type; one that no range speaks of is not wanted. */
function judge(type: string, ranges: ReadonlyMap<string, number>) {
  const names = ['*/*', type.replace(/\/.*/, '/*'), type];
  const precision = names.findLastIndex((name) => ranges.has(name));
  return { precision, quality: ranges.get(names[precision] ?? '') ?? 0 };
}
