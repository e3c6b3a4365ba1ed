// A container's ports in the words of `docker ps`, which people compare with.

import type { EnginePort } from '../engine/schemas.ts';

/**
 * PORTS as today's `docker ps` prints them: `0.0.0.0:80-82->80-82/tcp, [::]:80-82->80-82/tcp, 0.0.0.0:8080->9090/tcp`.
 * Consecutive ports that are unpublished, or published under their own number, make one range; the others follow, one by one.
 * Follows `DisplayablePorts` of https://github.com/docker/cli/blob/master/cli/command/formatter/container.go
 */
export function formatPorts(ports: readonly EnginePort[]): string {
  const finished: string[] = [];
  const translated: string[] = [];
  const open = new Map<string, PortRange>();

  for (const entry of ports.map(toListed).sort(compare)) {
    const { ip, privatePort, publicPort, protocol } = entry;
    if (ip !== '' && publicPort !== privatePort) {
      translated.push(`${toHost(ip)}:${publicPort}->${privatePort}/${protocol}`);
      continue;
    }
    const key = `${ip}/${protocol}`;
    const range = open.get(key);
    if (range?.last === privatePort - 1) {
      range.last = privatePort;
      continue;
    }
    // A range that ends moves to the front; its key keeps its position for the one that follows.
    if (range !== undefined) finished.push(formatRange(range));
    open.set(key, { ip, protocol, first: privatePort, last: privatePort });
  }
  return [...finished, ...[...open.values()].map(formatRange), ...translated].join(', ');
}

interface ListedPort {
  readonly ip: string;
  readonly order: string;
  readonly privatePort: number;
  readonly publicPort: number;
  readonly protocol: string;
}

interface PortRange {
  readonly ip: string;
  readonly protocol: string;
  readonly first: number;
  last: number;
}

function toListed(port: EnginePort): ListedPort {
  const ip = port.IP ?? '';
  return {
    ip,
    order: toOrder(ip),
    privatePort: port.PrivatePort,
    publicPort: port.PublicPort ?? 0,
    protocol: port.Type ?? '',
  };
}

function compare(a: ListedPort, b: ListedPort): number {
  return (
    a.privatePort - b.privatePort ||
    compareText(a.order, b.order) ||
    a.publicPort - b.publicPort ||
    compareText(a.protocol, b.protocol)
  );
}

function formatRange({ ip, protocol, first, last }: PortRange): string {
  const ports = first === last ? `${first}` : `${first}-${last}`;
  return ip === '' ? `${ports}/${protocol}` : `${toHost(ip)}:${ports}->${ports}/${protocol}`;
}

function toHost(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

/** A text that sorts as the address does: none, then IPv4 by number, then IPv6 by number. */
function toOrder(ip: string): string {
  if (ip === '') return '';
  if (!ip.includes(':')) return `4${ip.split('.').map(padded).join('')}`;
  const [head = '', tail] = ip.split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const missing = Math.max(0, 8 - left.length - right.length);
  return `6${[...left, ...Array<string>(missing).fill(''), ...right].map(padded).join('')}`;
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':');
}

function padded(part: string): string {
  return part.padStart(4, '0');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
