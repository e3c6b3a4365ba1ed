// One container in full for people: a sheet of sections, empty ones left out.

import type { ContainerInspection } from '@ondemand/client';
import { formatBinaryBytes } from '../output/bytes.ts';
import { formatMoment } from '../output/past-time.ts';
import { toOneLine } from '../output/printable.ts';
import type { Style, TextStyle } from '../output/style.ts';
import { type Column, type Fact, fold, toFacts, toTable } from '../output/table.ts';
import { toContainerStyle, toShortPorts } from './container-table.ts';

export interface SheetView {
  readonly style: Style;
  readonly now: Date;
  /** Of the terminal; undefined where there is none. */
  readonly width?: number | undefined;
}

export function toInspectionSheet(container: ContainerInspection, view: SheetView) {
  const { style, now, width } = view;
  const inner = width === undefined ? undefined : width - indentation.length;
  const section = (title: string, body: string): string =>
    body === '' ? '' : `${style('bold', title)}\n${indent(body)}`;
  return [
    toFacts(toMainFacts(container, now), style, width),
    section('HEALTH', toHealth(container, { ...view, width: inner })),
    section('LIMITS', toFacts(toLimits(container), style, inner)),
    section('MOUNTS', toRows(mountColumns, container.mounts, { style, width: inner })),
    section('NETWORKS', toRows(networkColumns, container.networks, { style, width: inner })),
    section('ENVIRONMENT (names only)', toLines(container.environment, inner)),
    section('LABELS', toFacts(Object.entries(container.labels), style, inner)),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function toMainFacts(container: ContainerInspection, now: Date): readonly (Fact | undefined)[] {
  const { state, exitCode, oomKilled, startedAt, finishedAt, restartPolicy } = container;
  const { maximumRetryCount } = restartPolicy;
  const atMost = maximumRetryCount > 0 ? `, at most ${maximumRetryCount} times` : '';
  const killed = oomKilled ? ' (out of memory)' : '';
  return [
    ['Name', container.name, 'bold'],
    ['State', state, toContainerStyle(state)],
    container.error === '' ? undefined : ['Error', toOneLine(container.error), 'red'],
    ['Image', container.image],
    ['Image id', container.imageId],
    ['Id', container.id],
    ['Command', toCommand(container.command)],
    ['Folder', container.workingDir || '/'],
    ['User', container.user || 'of the image, else root'],
    container.tty ? ['Terminal', 'yes'] : undefined,
    container.ports === '' ? undefined : ['Ports', toShortPorts(container.ports)],
    ['Created', toMoment(container.createdAt, now) ?? 'unknown'],
    ['Started', toMoment(startedAt, now) ?? 'never'],
    finishedAt === null ? undefined : ['Finished', formatMoment(finishedAt, now)],
    exitCode === null
      ? undefined
      : ['Exit code', `${exitCode}${killed}`, exitCode === 0 ? undefined : 'red'],
    ['Restarts', `${container.restartCount}, policy ${restartPolicy.name || 'no'}${atMost}`],
  ];
}

function toHealth({ health }: ContainerInspection, { style, now, width }: SheetView): string {
  if (health === null) return '';
  const { status, failingStreak, test, checks } = health;
  const failures = failingStreak === 0 ? '' : `, ${failingStreak} failures in a row`;
  const textStyle = { healthy: 'green', unhealthy: 'red' }[status] as TextStyle | undefined; // of the two above
  const facts = toFacts(
    [
      ['Status', `${status}${failures}`, textStyle],
      test.length === 0 ? undefined : ['Test', toCommand(test)],
    ],
    style,
    width,
  );
  if (checks.length === 0) return facts;
  const columns: readonly Column<(typeof checks)[number]>[] = [
    { title: 'CHECKED', isWhole: true, cell: ({ at }) => toMoment(at, now) ?? '' },
    { title: 'EXIT', cell: ({ exitCode }) => String(exitCode) },
    { title: 'OUTPUT', cell: ({ output }) => toOneLine(output) },
  ];
  return `${facts}${toTable(columns, checks, style, width)}`;
}

function toLimits({ limits }: ContainerInspection): readonly (Fact | undefined)[] {
  const { memoryBytes, memorySwapBytes, cpus, cpuShares, pids } = limits;
  return [
    memoryBytes === null ? undefined : ['Memory', formatBinaryBytes(memoryBytes)],
    memorySwapBytes === null
      ? undefined
      : ['With swap', memorySwapBytes < 0 ? 'unlimited' : formatBinaryBytes(memorySwapBytes)],
    cpus === null ? undefined : ['CPUs', String(cpus)],
    cpuShares === null ? undefined : ['CPU shares', String(cpuShares)],
    pids === null ? undefined : ['Processes', String(pids)],
  ];
}

const mountColumns: readonly Column<ContainerInspection['mounts'][number]>[] = [
  { title: 'TYPE', cell: ({ type }) => type },
  { title: 'SOURCE', cell: ({ name, source }) => name ?? source },
  { title: 'DESTINATION', cell: ({ destination }) => destination },
  { title: 'MODE', cell: ({ readOnly }) => (readOnly ? 'read only' : 'read and write') },
];

const networkColumns: readonly Column<ContainerInspection['networks'][number]>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  {
    title: 'ADDRESS',
    cell: ({ ipAddress, ipv6Address }) => [ipAddress, ipv6Address].filter(Boolean).join(', '),
  },
  { title: 'GATEWAY', cell: ({ gateway }) => gateway },
  { title: 'MAC', cell: ({ macAddress }) => macAddress },
  { title: 'ALIASES', cell: ({ aliases }) => aliases.join(', ') },
];

function toRows<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { style, width }: Pick<SheetView, 'style' | 'width'>,
): string {
  return rows.length === 0 ? '' : toTable(columns, rows, style, width);
}

function toLines(values: readonly string[], width = Number.POSITIVE_INFINITY): string {
  const lines = values.flatMap((value) => fold(toOneLine(value), width));
  return lines.map((line) => `${line}\n`).join('');
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, indentation);
}

const indentation = '  ';

/** As a shell would need it, so that one can see where an argument ends. */
function toCommand(argv: readonly string[]): string {
  return argv
    .map((part) => (isPlain.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

const isPlain = /^[\w@%+=:,./-]+$/;

function toMoment(time: string | null, now: Date): string | undefined {
  return time === null ? undefined : formatMoment(time, now);
}
