// Who is connected to a container's ports from outside it. Pure.

import type { RunningContainer, VmConnection, VmObservation } from '../adapter-ports.ts';
import { formatEnd, type TcpEnd } from '../model/tcp-endpoint.ts';

export const idleLabel = 'ondemand.idle';
const portsLabel = 'ondemand.idle.ports';

export interface FoundConnections {
  /** `nginx:80 from 198.51.100.7:51234` */
  readonly used: readonly string[];
  /** What could not be seen, and what to do. */
  readonly problems: readonly string[];
}

export function findConnections(
  observation: VmObservation,
  containers: readonly RunningContainer[],
): FoundConnections {
  const nameOf = new Map(
    containers.flatMap(({ name, addresses }) =>
      addresses.map((address) => [address, name] as const),
    ),
  );
  const host = observation.tables.get('host') ?? [];
  const used: string[] = [];
  const problems: string[] = [];
  for (const container of toNetworksSeen(containers)) {
    const found =
      container.network === 'host' ? ofHost(observation, container) : ofOwn(observation, container);
    if ('problem' in found) {
      problems.push(found.problem);
      continue;
    }
    for (const { local, remote } of found.connections) {
      for (const end of throughProxy(container, { local, remote }, host)) {
        const other = nameOf.get(end.address);
        used.push(
          `${container.name}:${local.port} from ${other === undefined ? '' : `${other} at `}${formatEnd(end)}`,
        );
      }
    }
  }
  return { used: [...new Set(used)], problems };
}

/** TCP ports of the VM whose connections are wanted: those that are published, and those of containers on its own network. */
export function findHostPorts(containers: readonly RunningContainer[]): number[] {
  const ports = toNetworksSeen(containers).flatMap((container) => [
    ...container.published.map(({ hostPort }) => hostPort),
    ...(container.network === 'host' ? (toNamedPorts(container) ?? []) : []),
  ]);
  return [...new Set(ports)];
}

/**
 * The containers whose connections count, each with the network in which they are seen. Who shares another's network is seen there, or
 * by itself where that one is ignored or does not run.
 */
export function toNetworksSeen(containers: readonly RunningContainer[]): RunningContainer[] {
  return containers.flatMap((container) => {
    if (isIgnored(container)) return [];
    if (container.network !== 'shared') return [container];
    const { networkOwner } = container;
    if (networkOwner === undefined) return [];
    const owner = containers.find(({ id, name }) => networkOwner === id || networkOwner === name);
    if (owner?.network === 'host') return [{ ...container, network: 'host' as const }];
    if (owner !== undefined && owner.network !== 'shared' && !isIgnored(owner)) return [];
    const { addresses, gateways, published } = owner ?? container;
    return [{ ...container, network: 'own' as const, addresses, gateways, published }];
  });
}

export function isIgnored({ labels }: RunningContainer): boolean {
  return labels[idleLabel] === 'ignore';
}

type Found = { readonly connections: readonly VmConnection[] } | { readonly problem: string };

function ofOwn(observation: VmObservation, { name, pid, addresses }: RunningContainer): Found {
  const key = String(pid);
  if (observation.unreadable.has(key))
    return {
      problem: `the connections of '${name}' cannot be read: /proc on the VM hides the processes of other users (hidepid)`,
    };
  const table = observation.tables.get(key) ?? [];
  const connections = table.filter(
    ({ local, remote }) =>
      remote.address !== local.address &&
      !addresses.includes(remote.address) &&
      !isLoopback(remote),
  );
  return connections.length === 0 && observation.cut.has(key)
    ? { problem: `'${name}' has too many connections to read each` }
    : { connections };
}

function ofHost(observation: VmObservation, container: RunningContainer): Found {
  const { name } = container;
  const ports = toNamedPorts(container);
  if (ports === undefined)
    return {
      problem: `'${name}' is on the VM's own network and its image names no port: set its label ${portsLabel} to them, such as 80,443, or ondemand.idle=ignore`,
    };
  if (observation.unreadable.has('host'))
    return {
      problem: `the connections of '${name}' cannot be read: the user may not read /proc/self/net/tcp`,
    };
  const table = observation.tables.get('host') ?? [];
  const connections = table.filter(
    ({ local, remote }) =>
      ports.includes(local.port) && remote.address !== local.address && !isLoopback(remote),
  );
  return connections.length === 0 && observation.cut.has('host')
    ? { problem: `the VM has too many connections to read each, those of '${name}' among them` }
    : { connections };
}

/** The label, else what the image names; `undefined` where neither does. */
function toNamedPorts({ labels, ports }: RunningContainer): readonly number[] | undefined {
  const named = (labels[portsLabel] ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => /^\d{1,5}$/.test(part))
    .map(Number)
    .filter((port) => port > 0 && port < 65_536);
  const all = named.length > 0 ? named : ports;
  return all.length > 0 ? all : undefined;
}

/** Docker's proxy connects from the gateway; who is connected to it is in the VM's own table. */
function throughProxy(
  { published, gateways }: RunningContainer,
  { local, remote }: VmConnection,
  host: readonly VmConnection[],
): readonly TcpEnd[] {
  if (!gateways.includes(remote.address)) return [remote];
  const hostPorts = published
    .filter(({ port }) => port === local.port)
    .map(({ hostPort }) => hostPort);
  const clients = host
    .filter((connection) => hostPorts.includes(connection.local.port))
    .map((connection) => connection.remote);
  return clients.length > 0 ? clients : [remote];
}

function isLoopback({ address }: TcpEnd): boolean {
  return address === '::1' || address.startsWith('127.');
}
