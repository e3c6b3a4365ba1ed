// How one container in full looks to people: a sheet of sections, without those that have nothing to say.

import type { ContainerInspection } from '@ondemand/client';
import { formatBinaryBytes } from '../output/bytes.ts';
import { formatMoment } from '../output/moment.ts';
import { toOneLine } from '../output/printable.ts';
import type { Look, Style } from '../output/style.ts';
import { type Column, type Fact, toFacts, toTable } from '../output/table.ts';
import { toContainerLook } from './container-table.ts';

export interface SheetView {
  readonly style: Style;
  readonly now: Date;
}

export function toInspectionSheet(container: ContainerInspection, { style, now }: SheetView) {
  const section = (title: string, body: string): string =>
    body === '' ? '' : `${style('bold', title)}\n${indent(body)}`;
  return [
    toFacts(toMainFacts(container, now), style),
    section('HEALTH', toHealth(container, { style, now })),
    section('LIMITS', toFacts(toLimits(container), style)),
    section('MOUNTS', toRows(mountColumns, container.mounts, style)),
    section('NETWORKS', toRows(networkColumns, container.networks, style)),
    section('ENVIRONMENT (names only)', toLines(container.environment)),
    section('LABELS', toFacts(Object.entries(container.labels), style)),
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
    ['State', state, toContainerLook(state)],
    container.error === '' ? undefined : ['Error', toOneLine(container.error), 'red'],
    ['Image', container.image],
    ['Image id', container.imageId],
    ['Id', container.id],
    ['Command', toCommand(container.command)],
    ['Folder', container.workingDir || '/'],
    ['User', container.user || 'of the image, else root'],
    container.tty ? ['Terminal', 'yes'] : undefined,
    container.ports === '' ? undefined : ['Ports', container.ports],
    ['Created', toMoment(container.createdAt, now) ?? 'unknown'],
    ['Started', toMoment(startedAt, now) ?? 'never'],
    finishedAt === null ? undefined : ['Finished', formatMoment(finishedAt, now)],
    exitCode === null
      ? undefined
      : ['Exit code', `${exitCode}${killed}`, exitCode === 0 ? undefined : 'red'],
    ['Restarts', `${container.restartCount}, policy ${restartPolicy.name || 'no'}${atMost}`],
  ];
}

function toHealth({ health }: ContainerInspection, { style, now }: SheetView): string {
  if (health === null) return '';
  const { status, failingStreak, test, checks } = health;
  const failures = failingStreak === 0 ? '' : `, ${failingStreak} failures in a row`;
  const look = { healthy: 'green', unhealthy: 'red' }[status] as Look | undefined; // of the two above
  const facts = toFacts(
    [
      ['Status', `${status}${failures}`, look],
      test.length === 0 ? undefined : ['Test', toCommand(test)],
    ],
    style,
  );
  if (checks.length === 0) return facts;
  const columns: readonly Column<(typeof checks)[number]>[] = [
    { title: 'CHECKED', cell: ({ at }) => toMoment(at, now) ?? '' },
    { title: 'EXIT', cell: ({ exitCode }) => String(exitCode) },
    { title: 'OUTPUT', cell: ({ output }) => toOneLine(output) },
  ];
  return `${facts}${toTable(columns, checks, style)}`;
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

function toRows<Row>(columns: readonly Column<Row>[], rows: readonly Row[], style: Style): string {
  return rows.length === 0 ? '' : toTable(columns, rows, style);
}

function toLines(values: readonly string[]): string {
  return values.map((value) => `${toOneLine(value)}\n`).join('');
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

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
