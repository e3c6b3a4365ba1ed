// What a rebuild has done, by the containers before and after it and by what compose printed.

import type { EngineContainer } from '../adapter-ports.ts';
import {
  isOfService,
  toComposeService,
  toCutOffNote,
  toReplicaNumber,
} from '../model/compose-service.ts';
import type { ContainerActionResult } from '../model/container.ts';

export interface RebuildTrace {
  readonly container: EngineContainer;
  readonly before: readonly EngineContainer[];
  readonly after: readonly EngineContainer[];
  /** Of the job. */
  readonly output: string;
}

/** Names the container that is there now, which its file may call otherwise, and says whether another one runs than before. */
export function toRebuildResult({
  container,
  before,
  after,
  output,
}: RebuildTrace): Pick<ContainerActionResult, 'container' | 'changed' | 'warnings'> {
  const service = toComposeService(container.labels);
  const isOfIt = ({ labels }: EngineContainer) =>
    service !== undefined && isOfService(labels, service);
  const now = after.filter(isOfIt);
  const number = toReplicaNumber(container.labels);
  const successor =
    now.find(({ id }) => id === container.id) ??
    now.find(({ labels }) => toReplicaNumber(labels) === number) ??
    now[0];
  const warnings = [
    ...toComposeWarnings(output),
    ...before.filter(isOfIt).flatMap((replica) => toCutOffNotes(replica, { before, after })),
  ];
  return {
    container: successor?.name ?? container.name,
    changed: toRunning(before.filter(isOfIt)) !== toRunning(now),
    ...(warnings.length > 0 && { warnings }),
  };
}

function toRunning(containers: readonly EngineContainer[]): string {
  return containers
    .map(({ id, name, state }) => `${id} ${name} ${state}`)
    .sort()
    .join('\n');
}

function toCutOffNotes(
  replica: EngineContainer,
  { before, after }: Pick<RebuildTrace, 'before' | 'after'>,
): readonly string[] {
  if (after.some(({ id }) => id === replica.id)) return [];
  return before
    .filter(
      (sharer) =>
        sharer.networkOf === replica.id &&
        after.some(({ id, networkOf }) => id === sharer.id && networkOf === replica.id),
    )
    .map((sharer) => toCutOffNote(sharer, replica.name));
}

const maxWarnings = 20;

/** v2 marks its warnings as its logger does; v1 without a terminal marks none, so they are known by their words. */
export function toComposeWarnings(output: string): readonly string[] {
  const texts = output.split('\n').flatMap((line) => {
    const marked = /^(?:time="[^"]*" )?level=warning msg="((?:[^"\\]|\\.)*)"/.exec(line);
    if (marked !== null) return [(marked[1] ?? '').replace(/\\(.)/g, '$1')];
    return unmarked.test(line) ? [line.replace(/^WARNING: /, '').trim()] : [];
  });
  return [...new Set(texts)].slice(0, maxWarnings);
}

const unmarked =
  /^WARNING: |^The \S+ variable is not set\. Defaulting|^Found orphan containers|^Found multiple config files|^Service "[^"]+" is using volume /;
