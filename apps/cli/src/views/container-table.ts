// Containers as a table for people.

import type { Container } from '@ondemand/client';
import type { Style, TextStyle } from '../output/style.ts';
import { type Column, toTable } from '../output/table.ts';

/** The columns of `docker ps -a` that the API has, the name first. */
export function toContainerTable(
  containers: readonly Container[],
  style: Style,
  width?: number | undefined,
): string {
  return toTable(columns, containers, style, width);
}

export function toContainerStyle(state: Container['state']): TextStyle {
  return styleOf[state];
}

const columns: readonly Column<Container>[] = [
  { title: 'NAME', isWhole: true, cell: ({ name }) => name },
  { title: 'IMAGE', cell: ({ image }) => image },
  {
    title: 'STATUS',
    cell: ({ uptime, state }) => uptime || state,
    textStyle: ({ state, uptime }) =>
      uptime.includes('(unhealthy)') ? 'red' : toContainerStyle(state),
  },
  { title: 'PORTS', cell: ({ ports }) => toShortPorts(ports) },
];

/** A port that is published on all addresses of IPv4 and of IPv6 is one port: the second of the two is left out. */
export function toShortPorts(ports: string): string {
  const all = ports.split(', ');
  return all
    .filter((port) => {
      const match = /^(?:\[::\]|::):(?=\d)(.*)$/.exec(port);
      return match === null || !all.includes(`0.0.0.0:${match[1]}`);
    })
    .join(', ');
}

const styleOf: Readonly<Record<Container['state'], TextStyle>> = {
  running: 'green',
  exited: 'dim',
  paused: 'yellow',
  restarting: 'yellow',
  created: 'dim',
  removing: 'yellow',
  dead: 'red',
};
