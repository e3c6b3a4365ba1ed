// Resource use as a table for people, as docker stats prints it.

import type { ContainerStats } from '@ondemand/client';
import { formatBinaryBytes, formatDecimalBytes } from '../output/bytes.ts';
import type { Style } from '../output/style.ts';
import { type Column, toTable } from '../output/table.ts';

export function toStatsTable(
  samples: readonly ContainerStats[],
  style: Style,
  width?: number | undefined,
): string {
  return toTable(width === undefined ? columns : columns.map(toNarrow), samples, style, width);
}

/** In a narrow terminal the room is needed more than columns that stand still. */
function toNarrow({ minWidth: _, ...column }: Column<ContainerStats>): Column<ContainerStats> {
  return column;
}

const columns: readonly Column<ContainerStats>[] = [
  { title: 'NAME', cell: ({ container }) => container },
  { title: 'CPU %', minWidth: 7, cell: ({ cpuPercent }) => formatPercent(cpuPercent) },
  {
    title: 'MEM USAGE / LIMIT',
    minWidth: 21,
    cell: ({ memoryBytes, memoryLimitBytes }) =>
      `${formatBinaryBytes(memoryBytes)} / ${formatBinaryBytes(memoryLimitBytes)}`,
  },
  {
    title: 'MEM %',
    minWidth: 6,
    cell: (sample) => formatPercent(toMemoryPercent(sample)),
    textStyle: (sample) => (toMemoryPercent(sample) >= 90 ? 'red' : undefined),
  },
  {
    title: 'NET I/O',
    minWidth: 17,
    cell: ({ networkRxBytes, networkTxBytes }) =>
      `${formatDecimalBytes(networkRxBytes)} / ${formatDecimalBytes(networkTxBytes)}`,
  },
  {
    title: 'BLOCK I/O',
    minWidth: 17,
    cell: ({ blockReadBytes, blockWriteBytes }) =>
      `${formatDecimalBytes(blockReadBytes)} / ${formatDecimalBytes(blockWriteBytes)}`,
  },
  { title: 'PIDS', cell: ({ pids }) => String(pids) },
];

function toMemoryPercent({ memoryBytes, memoryLimitBytes }: ContainerStats): number {
  return memoryLimitBytes === 0 ? 0 : (memoryBytes / memoryLimitBytes) * 100;
}

function formatPercent(percent: number): string {
  return `${percent.toFixed(2)}%`;
}
