// The audit as a table for people: a line each, the newest first as the API gives them.

import type { AuditEntry } from '@ondemand/client';
import { formatDuration } from '../output/duration.ts';
import { formatLocal } from '../output/local-time.ts';
import type { Style, TextStyle } from '../output/style.ts';
import { type Column, toTable } from '../output/table.ts';

export function toAuditTable(
  entries: readonly AuditEntry[],
  style: Style,
  width?: number | undefined,
): string {
  return toTable(columns, entries, style, width);
}

const columns: readonly Column<AuditEntry>[] = [
  { title: 'TIME', isWhole: true, cell: ({ time }) => formatLocal(time) },
  { title: 'WHO', cell: ({ sub, clientId }) => (sub === clientId ? sub : `${sub} (${clientId})`) },
  { title: 'FROM', cell: ({ ip }) => ip },
  { title: 'ACTION', cell: ({ action }) => action },
  { title: 'TARGET', cell: ({ target }) => target ?? '' },
  {
    title: 'OUTCOME',
    isWhole: true,
    cell: ({ outcome, code, count }) =>
      `${outcome}${code === undefined ? '' : ` ${code}`}${count === undefined ? '' : ` (and ${count} more)`}`,
    textStyle: ({ outcome }) => outcomeStyles[outcome],
  },
  {
    title: 'TOOK',
    cell: ({ durationMs }) => (durationMs === undefined ? '' : toTook(durationMs)),
  },
  { title: 'REQUEST', cell: ({ requestId }) => requestId },
];

function toTook(durationMs: number): string {
  return durationMs < 1000 ? `${Math.round(durationMs)}ms` : formatDuration(durationMs);
}

const outcomeStyles: Readonly<Record<AuditEntry['outcome'], TextStyle | undefined>> = {
  intent: 'dim',
  success: 'green',
  refused: 'yellow',
  failed: 'red',
  unknown: 'red',
};
