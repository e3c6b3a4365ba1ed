// What a container publishes, from the PORTS of docker ps, as URLs that a browser opens.

export interface PublishedPort {
  /** Of the VM; empty: all of its addresses. */
  readonly ip: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

export interface PublishedUrl {
  readonly url: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

/** The TCP ports that are published, those of the web first; one that stands for IPv4 and for IPv6 comes once. */
export function parsePublished(ports: string): readonly PublishedPort[] {
  const found = new Map<string, PublishedPort>();
  for (const port of ports.split(', ').flatMap(parseEntry)) {
    found.set(`${port.ip} ${port.hostPort}`, port);
  }
  return [...found.values()].sort(
    (a, b) => toRank(a) - toRank(b) || a.containerPort - b.containerPort,
  );
}

/** Whether only programs on the VM reach it. */
export function isOnLoopback({ ip }: PublishedPort): boolean {
  return ip.startsWith('127.') || ip === '::1';
}

/** At the address that it is published on, else at `host`. */
export function toPublishedUrl(port: PublishedPort, host: string): PublishedUrl {
  const { ip, hostPort, containerPort } = port;
  const isSecure = containerPort === 443 || containerPort === 8443;
  const name = ip === '' ? host : ip;
  const url = new URL(
    `${isSecure ? 'https' : 'http'}://${name.includes(':') ? `[${name}]` : name}`,
  );
  url.port = String(hostPort); // a scheme's own port is left out
  return { url: url.href, hostPort, containerPort };
}

/** `0.0.0.0:8080->80/tcp`, `[::]:80-82->80-82/tcp`; what is not published, or not TCP, gives nothing. */
function parseEntry(entry: string): PublishedPort[] {
  const match = /^(.*):(\d+)(?:-(\d+))?->(\d+)(?:-\d+)?\/tcp$/.exec(entry);
  if (match === null) return [];
  const [, address = '', first = '', last = first, container = ''] = match;
  const ip = address.replace(/^\[(.*)\]$/, '$1');
  const count = Math.min(Number(last) - Number(first), 65_535);
  return Array.from({ length: count + 1 }, (_, index) => ({
    ip: anyAddress.has(ip) ? '' : ip,
    hostPort: Number(first) + index,
    containerPort: Number(container) + index,
  }));
}

const anyAddress = new Set(['0.0.0.0', '::', '']);
const webPorts = [443, 80, 8443, 8080, 3000, 8000];

function toRank({ containerPort }: PublishedPort): number {
  const rank = webPorts.indexOf(containerPort);
  return rank < 0 ? webPorts.length : rank;
}
