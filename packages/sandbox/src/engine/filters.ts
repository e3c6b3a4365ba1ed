// The `filters` parameter of the list and of the events, with dockerd's refusals.

import { ApiError } from './api-error.ts';
import type { SandboxContainer } from './container.ts';
import type { EngineEvent } from './events.ts';

type Filters = Readonly<Record<string, readonly string[]>>;

/** A test of a container for GET /containers/json. Throws `ApiError` for what dockerd does not take. */
export function parseContainerFilters(text: string | null): {
  readonly named: ReadonlySet<string>;
  readonly accepts: (container: SandboxContainer) => boolean;
} {
  const filters = parse(text, ['name', 'id', 'label', 'status', 'ancestor', 'health']);
  const names = (filters.name ?? []).map(toPattern);
  for (const status of filters.status ?? []) {
    if (!states.has(status)) throw new ApiError(400, `invalid filter 'status=${status}'`);
  }
  return {
    named: new Set(Object.keys(filters)),
    accepts: (container) =>
      matches(names, (name) =>
        [container.name, `/${container.name}`, ...container.spec.linkNames].some((own) =>
          name.test(own),
        ),
      ) &&
      matches(filters.id, (id) => container.id.startsWith(id)) &&
      matches(filters.status, (status) => container.status === status) &&
      matches(filters.health, (health) => (container.health ?? 'none') === health) &&
      matches(filters.ancestor, (image) => container.spec.image === image) &&
      (filters.label ?? []).every((label) => hasLabel(container.spec.labels, label)),
  };
}

/** A test of an event for GET /events. Throws `ApiError` for what dockerd does not take. */
export function parseEventFilters(text: string | null): (event: EngineEvent) => boolean {
  const filters = parse(text, ['type', 'event', 'container', 'label', 'image', 'network', 'scope']);
  return (event) =>
    matches(filters.type, (type) => event.type === type) &&
    matches(filters.event, (action) => event.action.split(':')[0] === action) &&
    matches(
      filters.container,
      (container) =>
        event.type === 'container' &&
        (event.id.startsWith(container) || event.attributes.name === container),
    ) &&
    matches(filters.image, (image) => event.attributes.image === image) &&
    (filters.label ?? []).every((label) => hasLabel(event.attributes, label));
}

const states = new Set([
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
]);

function parse(text: string | null, known: readonly string[]): Filters {
  if (text === null || text === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new ApiError(400, 'invalid filter');
  }
  if (typeof parsed !== 'object' || parsed === null) throw new ApiError(400, 'invalid filter');
  const filters: Record<string, readonly string[]> = {};
  for (const [name, values] of Object.entries(parsed)) {
    if (!known.includes(name)) throw new ApiError(400, `invalid filter '${name}'`);
    filters[name] = toValues(values);
  }
  return filters;
}

/** Both of the wire's forms: a list, and the older map of value to true. */
function toValues(values: unknown): readonly string[] {
  if (Array.isArray(values)) return values.map(String);
  if (typeof values !== 'object' || values === null) throw new ApiError(400, 'invalid filter');
  return Object.entries(values)
    .filter(([, wanted]) => wanted === true)
    .map(([value]) => value);
}

function toPattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new ApiError(400, `invalid filter 'name=${text}'`);
  }
}

function matches<T>(wanted: readonly T[] | undefined, test: (value: T) => boolean): boolean {
  return wanted === undefined || wanted.length === 0 || wanted.some(test);
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals === -1) return Object.hasOwn(labels, wanted);
  return labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
}
