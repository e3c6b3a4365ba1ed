// What keeps the VM on, for people: one screen that says who uses it, what to close and when it stops.

import type { IdleVerdict, Lease, Signal } from '@ondemand/client';
import { formatLocal } from '../output/local-time.ts';
import { formatAge, formatMoment } from '../output/past-time.ts';
import type { Style } from '../output/style.ts';
import { type Column, toFacts, toTable } from '../output/table.ts';
import { formatTimeLeft } from '../output/time-left.ts';

export interface IdleView {
  readonly style: Style;
  readonly now: Date;
  readonly width?: number | undefined;
}

export function toIdleSheet(verdict: IdleVerdict, view: IdleView): string {
  const { style, now, width } = view;
  const { signals, leases, usedAt, usedBy } = verdict;
  const facts = toFacts(
    [
      ['Kept on', toKeptOn(verdict), 'bold'],
      ['Stops', toStop(verdict, now)],
      usedAt === null
        ? undefined
        : [
            'Last used',
            `${formatMoment(usedAt, now)}${usedBy === null ? ', when it became ready' : `, ${usedBy}`}`,
          ],
    ],
    style,
    width,
  );
  const toClose = signals.filter(({ state }) => state !== 'unused');
  return [
    facts,
    toTable(toColumns(now), signals, style, width),
    ...(toClose.length === 0
      ? []
      : [
          toFacts(
            toClose.map((signal) => [
              signal.name,
              `${signal.reason ?? signal.by ?? ''}: ${toAdvice(signal)}`,
            ]),
            style,
            width,
          ),
        ]),
    ...(leases.length === 0 ? [] : [toLeaseTable(leases, view)]),
  ].join('\n');
}

/** `connections, sessions`, or that nothing does. */
export function toKeptOn({ signals }: Pick<IdleVerdict, 'signals'>): string {
  const used = signals.filter(({ state }) => state === 'used').map(({ name }) => name);
  const unknown = signals.filter(({ state }) => state === 'unknown').map(({ name }) => name);
  const parts = [
    ...(used.length > 0 ? [`by ${used.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`as ${unknown.join(', ')} could not be read`] : []),
  ];
  return parts.length > 0 ? parts.join(', and ') : 'by nothing';
}

/** `in 25 minutes (2026-02-08T10:40:30Z), as nothing uses it` */
export function toStop({ enabled, dryRun, stopsAt, stopsBecause }: IdleVerdict, now: Date): string {
  if (!enabled) return 'never by itself: this API has no idle stop';
  if (stopsAt === null) return 'not while that is so';
  const why = stopsBecause === 'max-on' ? 'as it has been on for long' : 'as nothing uses it';
  const dry = dryRun ? ', but for the dry run' : '';
  return `${formatTimeLeft(Date.parse(stopsAt) - now.getTime())} (${formatLocal(stopsAt)}), ${why}${dry}`;
}

export function toLeaseTable(leases: readonly Lease[], { style, now, width }: IdleView): string {
  const columns: readonly Column<Lease>[] = [
    { title: 'LEASE', isWhole: true, cell: ({ id }) => id },
    {
      title: 'ENDS',
      isWhole: true,
      cell: ({ expiresAt }) => formatTimeLeft(Date.parse(expiresAt) - now.getTime()),
    },
    { title: 'BY', cell: ({ sub }) => sub },
    { title: 'REASON', cell: ({ reason }) => reason },
  ];
  return toTable(columns, leases, style, width);
}

function toColumns(now: Date): readonly Column<Signal>[] {
  return [
    { title: 'SIGNAL', isWhole: true, cell: ({ name }) => name },
    {
      title: 'STATE',
      isWhole: true,
      cell: ({ state }) => state,
      textStyle: ({ state }) =>
        (({ used: 'green', unknown: 'yellow', unused: 'dim' }) as const)[state],
    },
    {
      title: 'VALUE',
      cell: ({ name, value }) => (value === null ? '' : `${value}${name === 'cpu' ? ' %' : ''}`),
    },
    {
      title: 'USED ABOVE',
      cell: ({ name, threshold }) => `${threshold}${name === 'cpu' ? ' %' : ''}`,
    },
    {
      title: 'LAST USED',
      cell: ({ state, lastUsedAt }) =>
        state === 'used' ? 'now' : lastUsedAt === null ? '' : formatAge(lastUsedAt, now),
    },
    { title: 'BY', cell: ({ by }) => by ?? '' },
  ];
}

function toAdvice({ name, state }: Signal): string {
  return state === 'unknown' ? 'the VM stays on until that can be read' : adviceOn[name];
}

const adviceOn: Readonly<Record<Signal['name'], string>> = {
  connections: 'close it there, or label the container ondemand.idle=ignore',
  cpu: 'wait until that is done, stop the container, or label it ondemand.idle=ignore',
  sessions: 'log out there',
  jobs: 'wait for it, or ondemand jobs cancel ID',
  leases: 'ondemand keep --release ID',
  actions: 'that passes in a minute',
  probe: 'its own probe or its label says so; stop it, or take the label away',
};
