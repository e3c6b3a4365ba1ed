// Parses what the scripts for leases and the idle stop print: lines that begin with a marker, the last of which says `end`.

import { z } from 'zod';
import type { LeaseRecord } from '../adapter-ports.ts';

/** The lines between, without their marker; `undefined` unless all of them came. */
export function parseLines(output: string, marker: string): string[] | undefined {
  const lines = output.split('\n').filter((line) => line.startsWith(`${marker} `));
  const bare = lines.map((line) => line.slice(marker.length + 1));
  return bare.at(-1) === 'end' ? bare.slice(0, -1) : undefined;
}

/** The rest of each line that begins with the word. */
export function linesOf(lines: readonly string[], word: string): string[] {
  return lines
    .filter((line) => line.startsWith(`${word} `))
    .map((line) => line.slice(word.length + 1));
}

/** Leaves out what is no lease of ours. */
export function toLeases(lines: readonly string[]): LeaseRecord[] {
  return linesOf(lines, 'lease').flatMap((line) => {
    const [, id = '', until, since, owner = ''] =
      /^(\S+) (\d{1,12}) (\d{1,12}) (.*)$/.exec(line) ?? [];
    const parsed = ownerSchema.safeParse(parseJson(owner));
    return parsed.success
      ? [{ id, until: Number(until), since: Number(since), ...parsed.data }]
      : [];
  });
}

const ownerSchema = z.object({ sub: z.string(), clientId: z.string(), reason: z.string() });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
