// An engine's list entry as the container that callers see.

import type { EngineContainer } from '../../adapter-ports.ts';
import type { ContainerState } from '../../model/container.ts';
import { containerStates } from '../../model/container.ts';
import type { ContainerSummary } from '../engine/schemas.ts';
import { formatImage } from './image.ts';
import { formatPorts } from './ports.ts';

/** Total: whatever the engine says of state, names or ports, the result is a valid `Container`. */
export function toContainer(summary: ContainerSummary): EngineContainer {
  const state = toState(summary.State ?? '', summary.Status ?? '');
  return {
    id: summary.Id,
    name: toName(summary.Names ?? [], summary.Id),
    state,
    image: formatImage(summary.Image ?? '', summary.ImageID ?? ''),
    ports: formatPorts(summary.Ports ?? []),
    uptime: summary.Status || capitalized(state),
    labels: summary.Labels ?? {},
    networkOf: toNetworkOf(summary.HostConfig?.NetworkMode ?? ''),
  };
}

function toNetworkOf(mode: string): string | undefined {
  return mode.startsWith('container:') ? mode.slice('container:'.length) : undefined;
}

/** The name without a slash inside: legacy links (`/other/alias`) are names as well. A nameless container goes by its short id. */
export function toName(names: readonly string[], id: string): string {
  const bare = names.map((name) => name.replace(/^\//, ''));
  return bare.find((name) => name !== '' && !name.includes('/')) ?? id.slice(0, 12);
}

/** Docker's state, or the nearest to what another engine calls it; the status text decides where the state says nothing. */
export function toState(state: string, status: string): ContainerState {
  const word = state.toLowerCase();
  const known = containerStates.find((candidate) => candidate === word);
  return known ?? foreignStates.get(word) ?? fromStatus(status);
}

/** Podman's own: https://docs.podman.io/en/latest/markdown/podman-ps.1.html */
const foreignStates: ReadonlyMap<string, ContainerState> = new Map([
  ['configured', 'created'],
  ['initialized', 'created'],
  ['starting', 'running'],
  ['stopping', 'running'],
  ['stopped', 'exited'],
]);

const statuses: readonly (readonly [RegExp, ContainerState])[] = [
  [/^up\b.*\(paused\)/i, 'paused'],
  [/^up\b/i, 'running'],
  [/^restarting\b/i, 'restarting'],
  [/^removal\b/i, 'removing'],
  [/^created\b/i, 'created'],
  [/^dead\b/i, 'dead'],
];

function fromStatus(status: string): ContainerState {
  const match = statuses.find(([pattern]) => pattern.test(status));
  return match?.[1] ?? 'exited';
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
