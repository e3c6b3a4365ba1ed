// What is read of the engine: lists and inspections, checked and in our own words.

import type { z } from 'zod';
import { containerMissing } from '../container-missing.ts';
import type { CallOptions, EngineContainer } from '../ports.ts';
import type { EngineClient, EngineRequest } from './engine-client.ts';
import {
  type ContainerInspect,
  containerInspectSchema,
  containerListSchema,
} from './engine-schemas.ts';
import { type EngineAnswer, LostAnswerError } from './exchange.ts';
import { type EngineTask, malformedAnswer, toAppError, toLostError } from './to-app-error.ts';
import { toContainer, toName } from './to-container.ts';

type AskOptions = Omit<EngineRequest, 'operation' | 'method' | 'path'>;

/** All throw `SERVICE_UNAVAILABLE` when the engine is out of reach or makes no sense. */
export interface EngineReads {
  list(options: CallOptions): Promise<EngineContainer[]>;
  /** Throws `NOT_FOUND`. */
  inspect(id: string, options: AskOptions): Promise<ContainerInspect>;
  /** Like `inspect`, but `undefined` for a container that is not there. */
  find(id: string, options: AskOptions): Promise<ContainerInspect | undefined>;
  /** A GET that changes nothing; any status is an answer. */
  ask(task: EngineTask, path: string, options: AskOptions): Promise<EngineAnswer>;
}

export function createEngineReads({ client }: { readonly client: EngineClient }): EngineReads {
  return {
    async list(options) {
      const task: EngineTask = { operation: 'list' };
      const answer = await ask(task, '/containers/json?all=1', options);
      if (answer.status !== 200) throw toAppError(answer, task);
      return parseAnswer(containerListSchema, answer, task).map(toContainer);
    },
    async inspect(id, options) {
      const found = await find(id, options);
      if (found === undefined) throw containerMissing(id);
      return found;
    },
    find,
    ask,
  };

  async function find(id: string, options: AskOptions): Promise<ContainerInspect | undefined> {
    const task: EngineTask = { operation: 'inspect', name: id };
    const answer = await ask(task, `${toContainerPath(id)}/json`, options);
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
}

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
