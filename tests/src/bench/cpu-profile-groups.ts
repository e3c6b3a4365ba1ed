// What a CPU profile says in a few groups: whose code the time was spent in. https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile

import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** In microseconds. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly children?: readonly number[];
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
}

/** Milliseconds of self time by group, without those in which nothing was to do. */
export function toGroups({ nodes, samples, timeDeltas }: CpuProfile): ReadonlyMap<string, number> {
  const toSource = createSourceReader();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const groups = new Map<number, string>();
  const visit = (id: number, parentGroup: string): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const group = toGroup(node.callFrame.functionName, toSource(node)) ?? parentGroup;
    groups.set(id, group);
    for (const child of node.children ?? []) visit(child, group);
  };
  visit(nodes[0]?.id ?? 0, other);
  const spent = new Map<string, number>();
  samples.forEach((id, index) => {
    const group = groups.get(id) ?? other;
    spent.set(group, (spent.get(group) ?? 0) + (timeDeltas[index] ?? 0) / 1000);
  });
  spent.delete(idle);
  return spent;
}

const idle = '(idle)';
const other = 'anything else';

const packages: Readonly<Record<string, string>> = {
  '@trpc/server': 'tRPC',
  fastify: 'Fastify',
  'find-my-way': 'Fastify',
  zod: 'zod',
  jose: 'jose',
  pino: 'pino',
  'sonic-boom': 'pino',
  ssh2: 'ssh2',
};

/** `undefined` for what counts as its caller's: functions of V8 and Node without a file. */
export function toGroup(name: string, source: string): string | undefined {
  if (name === idle) return idle;
  if (name === '(garbage collector)') return 'garbage collection';
  if (name === '(program)') return 'outside of JavaScript';
  if (source === '') return /^write/.test(name) ? 'writing to sockets and to the log' : undefined;
  if (/^node:internal\/crypto/.test(source)) return 'signatures and hashes';
  if (source.startsWith('node:')) return "Node's HTTP, streams and events";
  const packageName = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1];
  if (packageName !== undefined) return packages[packageName] ?? 'other packages';
  const [, owner, room] = /packages\/(core|server)\/(?:dist|src)\/([^/]+)\//.exec(source) ?? [];
  if (owner !== undefined) return `our ${owner}/${room}`;
  return /packages\/server\//.test(source) ? 'our server' : other;
}

/** The file that a bundle's function was written in, by the map beside the bundle. */
function createSourceReader() {
  const maps = new Map<string, SourceMap | undefined>();
  const mapOf = (url: string): SourceMap | undefined => {
    if (!maps.has(url)) maps.set(url, readMap(url));
    return maps.get(url);
  };
  return ({ callFrame: { url, lineNumber, columnNumber } }: ProfileNode): string => {
    if (!url.includes('/bundle/')) return url;
    const entry = mapOf(url)?.findEntry(lineNumber, columnNumber);
    return entry !== undefined && 'originalSource' in entry
      ? new URL(entry.originalSource, url).href
      : url;
  };
}

function readMap(url: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, 'utf8')));
  } catch {
    return undefined; // Node's own, or none was built
  }
}
