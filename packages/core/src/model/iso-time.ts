// Times that others gave, as callers read them.

/** ISO 8601 in UTC. A schema knows years of four digits alone, so what lies outside them becomes the nearest that it knows. */
export function toIsoTime(ms: number): string {
  return new Date(Math.min(Math.max(ms, firstMs), lastMs)).toISOString();
}

const firstMs = Date.parse('0000-01-01T00:00:00.000Z');
const lastMs = Date.parse('9999-12-31T23:59:59.999Z');
