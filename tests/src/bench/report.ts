// The bench's numbers as a table, and each of its targets held against them.

import type { Latency } from './latency.ts';
import type { LogMemory } from './log-memory.ts';
import type { ConcurrentReaders } from './readers.ts';
import { type Listing, type WayName, wayNames } from './ways.ts';

export interface Results {
  /** What it ran on, in one line. */
  readonly machine: string;
  /** By how many containers there were, the fewest first. */
  readonly listings: readonly ListingOf[];
  readonly concurrent: ConcurrentReaders;
  readonly logs: LogMemory;
}

export interface ListingOf {
  readonly containers: number;
  readonly listing: Listing;
}

export interface Verdict {
  readonly target: string;
  readonly measured: string;
  readonly met: boolean;
}

/** Markdown: how long each way takes, then each target with what was measured. */
export function toReport(results: Results): string {
  const verdicts = judge(results).map(({ target, measured, met }) => [
    target,
    measured,
    met ? 'met' : '**missed**',
  ]);
  return [
    ...toTable(toListingRows(results.listings)),
    '',
    toCounts(results.listings),
    '',
    ...toTable([['target', 'measured', ''], ...verdicts]),
    '',
    results.machine,
  ].join('\n');
}

/** The targets of the transport, in the order in which people ask for them. */
export function judge({ listings, concurrent, logs }: Results): readonly Verdict[] {
  const [fewest] = listings;
  if (fewest === undefined) throw new Error('nothing was listed');
  const { cold, warm } = concurrent;
  const readers = `${concurrent.readers} readers at once`;
  return [
    ...listings.map(toLimitVerdict),
    toSshVerdict(fewest),
    atMost(1, cold.sshConnections, `${readers} of an API not yet connected: SSH connections made`),
    atMost(20, cold.engineCalls, `${readers} of an API not yet connected: Engine calls`),
    atMost(0, warm.sshConnections, `${readers} of a connected API: SSH connections made`),
    atMost(20, warm.engineCalls, `${readers} of a connected API: Engine calls`),
    toMemoryVerdict(logs),
  ];
}

const mostTimesTheLimit = 3;
const leastTimesOverSsh = 150;
const mostGrowthMb = 60;

function toLimitVerdict({ containers, listing: { rest, socket } }: ListingOf): Verdict {
  const times = rest.p50Ms / socket.p50Ms;
  return {
    target: `${containers} containers: REST's p50 at most ${mostTimesTheLimit}× the unix socket's`,
    measured: `${toText(times)}×`,
    met: times <= mostTimesTheLimit,
  };
}

/** Only where the engine's own time is small beside a connection's can this tell of the transport. */
function toSshVerdict({ containers, listing: { rest, socket, ssh } }: ListingOf): Verdict {
  const times = ssh.p50Ms / rest.p50Ms;
  return {
    target: `${containers} containers: REST at least ${leastTimesOverSsh}× faster than a fresh \`ssh\``,
    measured: `${toText(times)}× (the unix socket: ${toText(ssh.p50Ms / socket.p50Ms)}×)`,
    met: times >= leastTimesOverSsh,
  };
}

function toMemoryVerdict({ bytes, reads, beforeBytes, peakBytes }: LogMemory): Verdict {
  const growthMb = (peakBytes - beforeBytes) / 1e6;
  return {
    target: `${Math.round(bytes / 1e6)} MB of logs in ${reads} answers: peak RSS grows by less than ${mostGrowthMb} MB`,
    measured: `${toText(growthMb)} MB (from ${toText(beforeBytes / 1e6)} MB)`,
    met: growthMb < mostGrowthMb,
  };
}

function atMost(limit: number, count: number, what: string): Verdict {
  return { target: `${what}, at most ${limit}`, measured: String(count), met: count <= limit };
}

function toListingRows(listings: readonly ListingOf[]): readonly (readonly string[])[] {
  const heads = listings.flatMap(({ containers }) => [
    `${containers} containers: p50`,
    'p99',
    '× the limit',
  ]);
  const ways = Object.keys(wayNames) as WayName[]; // an object's keys are its own
  const rows = ways.map((way) => [
    wayNames[way],
    ...listings.flatMap(({ listing }) => toCells(listing[way], listing.socket)),
  ]);
  return [['ms, one call at a time', ...heads], ...rows];
}

function toCells({ p50Ms, p99Ms }: Latency, limit: Latency): readonly string[] {
  return [p50Ms, p99Ms, p50Ms / limit.p50Ms].map(toText);
}

function toCounts(listings: readonly ListingOf[]): string {
  const counts = listings.map(
    ({ containers, listing }) =>
      `with ${containers} containers ${listing.socket.samples} calls of each of the first three, ${listing.lone.samples} lone ones and ${listing.ssh.samples} of the others`,
  );
  return `Measured: ${counts.join(', ')}.`;
}

function toTable([head = [], ...rows]: readonly (readonly string[])[]): readonly string[] {
  const rule = head.map(() => '---');
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

/** Three digits that count, no more. */
function toText(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
