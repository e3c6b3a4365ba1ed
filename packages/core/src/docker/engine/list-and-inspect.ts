// Reads from the engine: lists and inspections, validated and converted to our types.

import type { z } from 'zod';
import type { CallOptions, EngineContainer } from '../../adapter-ports.ts';
import { containerMissing } from '../../model/container-not-found.ts';
import { toContainer, toName } from '../format/to-container.ts';
import {
  createJsonFilter,
  type JsonFilterOptions,
  JsonTooLargeError,
} from '../json-stream/keep-wanted-fields.ts';
import { malformedAnswer, toLostError } from '../lost-response.ts';
import { type EngineTask, toAppError } from '../to-app-error.ts';
import type { EngineClient, EngineRequest } from './http-client.ts';
import { type EngineAnswer, LostAnswerError } from './http-request.ts';
import {
  type ContainerInspect,
  containerInspectSchema,
  containerListSchema,
  wantedOfInspect,
  wantedOfSummary,
} from './schemas.ts';

type AskOptions = Omit<EngineRequest, 'operation' | 'method' | 'path'>;

/** All throw `SERVICE_UNAVAILABLE` when the engine is out of reach or makes no sense. */
export interface EngineReads {
  list(options: ListOptions): Promise<EngineContainer[]>;
  /** Throws `NOT_FOUND`. */
  inspect(id: string, options: AskOptions): Promise<ContainerInspect>;
  /** Like `inspect`, but `undefined` for a container that is not there. */
  find(id: string, options: AskOptions): Promise<ContainerInspect | undefined>;
  /** A GET that changes nothing; any status is an answer. */
  ask(task: EngineTask, path: string, options: AskOptions): Promise<EngineAnswer>;
  /** Like `ask`, for a JSON of any size: the body of a 200 is what the filter leaves of it. */
  askFor(
    filter: JsonFilterOptions,
    task: EngineTask,
    path: string,
    options: AskOptions,
  ): Promise<EngineAnswer>;
}

interface ListOptions extends CallOptions {
  /** Only those that are named so, or whose id begins so. */
  readonly name?: string | undefined;
  readonly onSend?: (() => void) | undefined;
}

export function createEngineReads({ client }: { readonly client: EngineClient }): EngineReads {
  return {
    async list({ name, ...options }) {
      if (name === undefined) return listBy(undefined, options);
      const isWholeId = /^[0-9a-f]{64}$/.test(name);
      const named = isWholeId ? [] : await listBy({ name: [toNamePattern(name)] }, options);
      if (named.length > 0 || !/^[0-9a-f]{1,64}$/.test(name)) return named;
      const found = await listBy({ id: [name] }, options);
      // Docker finds nothing for an ambiguous id prefix; the caller is told so.
      return found.length > 0 || isWholeId ? found : listBy(undefined, options);
    },
    async inspect(id, options) {
      const found = await find(id, options);
      if (found === undefined) throw containerMissing(id);
      return found;
    },
    find,
    ask,
    askFor,
  };

  async function listBy(
    filters: Record<string, readonly string[]> | undefined,
    how: Omit<ListOptions, 'name'>,
  ): Promise<EngineContainer[]> {
    const task: EngineTask = { operation: 'list' };
    const query = new URLSearchParams({
      all: '1',
      ...(filters !== undefined && { filters: JSON.stringify(filters) }),
    });
    const options = { ...how, ...(filters === undefined && { timeoutMs: listTimeoutMs }) };
    const filter = { wanted: wantedOfSummary };
    const answer = await askFor(filter, task, `/containers/json?${query}`, options);
    if (answer.status !== 200) throw toAppError(answer, task);
    return parseAnswer(containerListSchema, answer, task).map(toContainer);
  }

  async function find(id: string, options: AskOptions): Promise<ContainerInspect | undefined> {
    const task: EngineTask = { operation: 'inspect', name: id };
    const filter = { wanted: wantedOfInspect };
    const answer = await askFor(filter, task, `${toContainerPath(id)}/json`, options);
    if (answer.status === 200) return parseAnswer(containerInspectSchema, answer, task);
    const error = toAppError(answer, task);
    if (error.code === 'NOT_FOUND') return undefined;
    throw error;
  }

  async function ask(task: EngineTask, path: string, options: AskOptions): Promise<EngineAnswer> {
    try {
      return await client.send({ operation: task.operation, method: 'GET', path, ...options });
    } catch (error) {
      throw error instanceof LostAnswerError ? toLostError(error, task) : error;
    }
  }

  async function askFor(
    filter: JsonFilterOptions,
    task: EngineTask,
    path: string,
    options: AskOptions,
  ): Promise<EngineAnswer> {
    const json = createJsonFilter(filter);
    try {
      const answer = await ask(task, path, { ...options, onChunk: json.push });
      return answer.status === 200 ? { ...answer, body: Buffer.from(json.end()) } : answer;
    } catch (error) {
      throw error instanceof JsonTooLargeError ? malformedAnswer(task, error) : error;
    }
  }
}

/** Docker and Podman take a regular expression; Docker's own names begin with a slash. */
function toNamePattern(name: string): string {
  return `^/?${name.replaceAll('.', '\\.')}$`;
}

/** The labels of all containers come along, and may be many. */
const listTimeoutMs = 45_000;

export function toContainerPath(id: string): string {
  return `/containers/${encodeURIComponent(id)}`;
}

export function toContainerName({ Name, Id }: ContainerInspect): string {
  return toName([Name ?? ''], Id);
}

/** Throws `SERVICE_UNAVAILABLE` for an answer of another shape. */
export function parseAnswer<T>(schema: z.ZodType<T>, answer: EngineAnswer, task: EngineTask): T {
  try {
    return schema.parse(JSON.parse(answer.body.toString('utf8')));
  } catch (error) {
    throw malformedAnswer(task, error);
  }
}
