// What one observation of the VM printed, as what it means.

import type { VmConnection, VmObservation } from '../adapter-ports.ts';
import { signalNames, stopCauses } from '../model/idle.ts';
import { linesOf, parseLines, toLeases } from './parse-script-output.ts';
import { normalizeAddress, toTcpEnd } from './tcp-table.ts';

/** Ends an announcement that is not to be carried out. */
export const dryRunWord = 'dry-run';

/** `undefined` when it is anything but the whole answer. */
export function parseObservation(output: string, marker: string): VmObservation | undefined {
  const lines = parseLines(output, marker);
  const now = toSeconds(linesOf(lines ?? [], 'now')[0]);
  const [ready, late] = (linesOf(lines ?? [], 'ready')[0] ?? '').split(' ');
  const readySince = toSeconds(ready);
  if (lines === undefined || now === undefined || readySince === undefined) return undefined;
  const [client = '', clientPort, , port] = (linesOf(lines, 'ssh')[0] ?? '').split(' ');
  const tables = new Map<string, VmConnection[]>();
  for (const name of linesOf(lines, 'table')) tables.set(name, []);
  for (const line of linesOf(lines, 'c')) {
    const [name = '', here = '', there = ''] = line.split(' ');
    const [local, remote] = [toTcpEnd(here), toTcpEnd(there)];
    if (local !== undefined && remote !== undefined) tables.get(name)?.push({ local, remote });
  }
  return {
    now,
    readySince: Math.min(readySince, now),
    isReadySinceCertain: late === 'late',
    onSince: toSeconds(linesOf(lines, 'on')[0]),
    ...(port !== undefined && {
      ssh: {
        port: Number(port),
        own: { address: normalizeAddress(client), port: Number(clientPort) },
      },
    }),
    apis: lines.flatMap(toApi),
    uses: new Map(
      signalNames
        .concat()
        .flatMap((name) =>
          toUse(linesOf(lines, `use.${name}`)[0]).map((use) => [name, use] as const),
        ),
    ),
    unknownAt: toUse(linesOf(lines, 'use.unknown')[0])[0]?.at,
    observedAt: toUse(linesOf(lines, 'observed')[0])[0]?.at,
    announced: toAnnouncement(linesOf(lines, 'announced')[0], now),
    leases: toLeases(lines),
    jobs: linesOf(lines, 'job').map((line) => {
      const [id = '', ...target] = line.split(' ');
      return { id, target: target.join(' ') };
    }),
    tables,
    cut: new Set(linesOf(lines, 'cut')),
    unreadable: new Set(linesOf(lines, 'unreadable')),
  };
}

function toApi(line: string): VmObservation['apis'] {
  const [, id = '', address = '', port = '', stopAfter, maxOn] =
    /^api\.([0-9a-f]+(?:\.\d{1,5})?) (\S+) (\d{1,5}) (\d{1,9}|-) (\d{1,9}|-)$/.exec(line) ?? [];
  if (id === '') return [];
  const end = { address: normalizeAddress(address), port: Number(port) };
  return [{ id, end, rules: { stopAfter: toSeconds(stopAfter), maxOn: toSeconds(maxOn) } }];
}

function toUse(line = ''): { readonly at: number; readonly by: string }[] {
  const [, at, by = ''] = /^(\d{1,12}) ?(.*)$/.exec(line) ?? [];
  return at === undefined ? [] : [{ at: Number(at), by }];
}

/** None of a time that the clock has not reached, since it was set back: that stop is announced anew. */
function toAnnouncement(line: string | undefined, now: number): VmObservation['announced'] {
  const [, at, stopsAt, word, rest] =
    /^(\d{1,12}) (\d{1,12}) (\S+)(?: (.*))?$/.exec(line ?? '') ?? [];
  const because = stopCauses.find((cause) => cause === word);
  const isDryRun = rest === dryRunWord;
  if (because === undefined || Number(at) > now) return undefined;
  return { at: Number(at), stopsAt: Number(stopsAt), because, isDryRun };
}

function toSeconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}
