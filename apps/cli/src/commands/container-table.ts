// How containers look to people.

import type { Container } from '@ondemand/client';
import type { Look, Style } from '../output/style.ts';
import { type Column, toTable } from '../output/table.ts';

/** The columns of `docker ps -a` that the API has, the name first. */
export function toContainerTable(containers: readonly Container[], style: Style): string {
  return toTable(columns, containers, style);
}

export function toContainerLook(state: Container['state']): Look {
  return lookOf[state];
}

const columns: readonly Column<Container>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'IMAGE', cell: ({ image }) => image },
  {
    title: 'STATUS',
    cell: ({ uptime, state }) => uptime || state,
    look: ({ state, uptime }) => (uptime.includes('(unhealthy)') ? 'red' : toContainerLook(state)),
  },
  { title: 'PORTS', cell: ({ ports }) => ports },
];

const lookOf: Readonly<Record<Container['state'], Look>> = {
  running: 'green',
  exited: 'dim',
  paused: 'yellow',
  restarting: 'yellow',
  created: 'dim',
  removing: 'yellow',
  dead: 'red',
};
