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
  { title: 'CPU %', minWidth: 7, cell: measured(({ cpuPercent }) => formatPercent(cpuPercent)) },
  {
    title: 'MEM USAGE / LIMIT',
    minWidth: 21,
    cell: measured(
      ({ memoryBytes, memoryLimitBytes }) =>
        `${formatBinaryBytes(memoryBytes)} / ${formatBinaryBytes(memoryLimitBytes)}`,
    ),
  },
  {
    title: 'MEM %',
    minWidth: 6,
    cell: measured((sample) => formatPercent(toMemoryPercent(sample))),
    textStyle: (sample) => (toMemoryPercent(sample) >= 90 ? 'red' : undefined),
  },
  {
    title: 'NET I/O',
    minWidth: 17,
    cell: measured(
      ({ networkRxBytes, networkTxBytes }) =>
        `${formatDecimalBytes(networkRxBytes)} / ${formatDecimalBytes(networkTxBytes)}`,
    ),
  },
  {
    title: 'BLOCK I/O',
    minWidth: 17,
    cell: measured(
      ({ blockReadBytes, blockWriteBytes }) =>
        `${formatDecimalBytes(blockReadBytes)} / ${formatDecimalBytes(blockWriteBytes)}`,
    ),
  },
  { title: 'PIDS', cell: measured(({ pids }) => String(pids)) },
];

/** A container that does not run has nothing to measure: zeros in the API's sample would read as an idle one. */
function measured(cell: (sample: ContainerStats) => string) {
  return (sample: ContainerStats): string => {
    const isStopped = Object.values(sample).every((value) => typeof value === 'string' || !value);
    return isStopped ? '' : cell(sample);
  };
}

function toMemoryPercent({ memoryBytes, memoryLimitBytes }: ContainerStats): number {
  return memoryLimitBytes === 0 ? 0 : (memoryBytes / memoryLimitBytes) * 100;
}

function formatPercent(percent: number): string {
  return `${percent.toFixed(2)}%`;
}
