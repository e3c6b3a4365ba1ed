// The table of `docker ps`, written from Docker's documentation and independent of the product's own.

import { isActive, type SandboxContainer } from '../../engine/container.ts';
import { createNanoClock, nanosToMillis } from '../../engine/logs/nano-time.ts';
import { humanDuration, toStatusText } from '../../engine/views/status-text.ts';
import { type PortBinding, toCommandText, toPorts } from '../../engine/views/to-list-item.ts';

export interface PsRow {
  readonly id: string;
  readonly image: string;
  readonly command: string;
  readonly created: string;
  readonly status: string;
  readonly state: string;
  readonly ports: string;
  readonly names: string;
}

export function toPsRow(container: SandboxContainer): PsRow {
  const now = createNanoClock()();
  const { spec } = container;
  const command = toCommandText([...spec.entrypoint, ...spec.command]);
  return {
    id: container.id,
    image: spec.image,
    command: `"${command.length > 20 ? `${command.slice(0, 19)}…` : command}"`,
    created: `${humanDuration(nanosToMillis(now - container.createdAt))} ago`,
    status: toStatusText(container, now),
    state: container.status,
    ports: formatPorts(toPorts(container)),
    names: container.name,
  };
}

/** The lines of `docker ps`; without `all` only what is active. */
export function formatPs(
  containers: readonly SandboxContainer[],
  options: { readonly all: boolean; readonly quiet: boolean; readonly format: string | undefined },
): string {
  const rows = containers
    .filter((container) => options.all || isActive(container.status))
    .sort((a, b) => Number(b.createdAt - a.createdAt))
    .map(toPsRow);
  if (options.quiet) return rows.map((row) => `${row.id.slice(0, 12)}\n`).join('');
  if (options.format !== undefined && options.format !== 'table') {
    const format = options.format === 'json' ? '{{json .}}' : options.format;
    return rows.map((row) => `${fillTemplate(format, row)}\n`).join('');
  }
  const header = ['CONTAINER ID', 'IMAGE', 'COMMAND', 'CREATED', 'STATUS', 'PORTS', 'NAMES'];
  const cells = rows.map((row) => [
    row.id.slice(0, 12),
    row.image,
    row.command,
    row.created,
    row.status,
    row.ports,
    row.names,
  ]);
  return formatTable([header, ...cells]);
}

/** Columns as wide as their widest cell and three spaces. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd((widths[column] ?? 0) + 3))
      .join('')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** PORTS: sorted, runs of neighbours joined where both sides run alike, IPv6 in brackets. */
export function formatPorts(bindings: readonly PortBinding[]): string {
  const sorted = [...bindings].sort(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      compare(a.IP ?? '', b.IP ?? '') ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
      compare(a.Type, b.Type),
  );
  const groups = new Map<string, { first: number; last: number }>();
  const grouped: string[] = [];
  const single: string[] = [];
  const flush = (key: string, group: { first: number; last: number }): void => {
    const [ip = '', type = ''] = key.split(' ');
    const range = group.first === group.last ? `${group.first}` : `${group.first}-${group.last}`;
    grouped.push(ip === '' ? `${range}/${type}` : `${host(ip)}:${range}->${range}/${type}`);
  };
  for (const { IP = '', PrivatePort, PublicPort, Type } of sorted) {
    if (PublicPort !== undefined && PublicPort !== PrivatePort) {
      single.push(`${host(IP)}:${PublicPort}->${PrivatePort}/${Type}`);
      continue;
    }
    const key = `${IP} ${Type}`;
    const group = groups.get(key);
    if (group !== undefined && group.last + 1 === PrivatePort) {
      group.last = PrivatePort;
      continue;
    }
    if (group !== undefined) flush(key, group);
    groups.set(key, { first: PrivatePort, last: PrivatePort });
  }
  for (const [key, group] of groups) flush(key, group);
  return [...grouped, ...single].join(', ');
}

function host(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function fillTemplate(format: string, row: PsRow): string {
  const fields: Readonly<Record<string, string>> = {
    ID: row.id.slice(0, 12),
    Image: row.image,
    Command: row.command,
    CreatedAt: row.created,
    RunningFor: row.created,
    Status: row.status,
    State: row.state,
    Ports: row.ports,
    Names: row.names,
  };
  return format
    .replaceAll('\\t', '\t')
    .replace(/\{\{\s*json \.\s*\}\}/g, () => JSON.stringify(fields))
    .replace(/\{\{\s*\.(\w+)\s*\}\}/g, (_, name: string) => fields[name] ?? '');
}
