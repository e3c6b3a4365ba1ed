// Follows a container's log: one request with a streaming response that ends with the container's run.

import type { Engine, FollowLogOptions, StampedLine } from '../../adapter-ports.ts';
import type { EngineClient } from '../engine/http-client.ts';
import { LostAnswerError } from '../engine/http-request.ts';
import { type EngineReads, toContainerName, toContainerPath } from '../engine/list-and-inspect.ts';
import { toLostError } from '../lost-response.ts';
import { type EngineTask, toAppError } from '../to-app-error.ts';
import { createLogLines, type LogLines } from './lines.ts';
import { toSince } from './time.ts';

export interface EngineFollowOptions {
  readonly client: Pick<EngineClient, 'stream'>;
  readonly reads: Pick<EngineReads, 'inspect'>;
}

/**
 * Builds the follower: a batch of lines for whatever the engine sent at a time, nothing kept beyond that and one unfinished line of each stream.
 * A line that was cut is not given: it comes again, whole, with the next request. Throws `NOT_FOUND`, `CONFLICT` (a log driver that cannot be read) and `SERVICE_UNAVAILABLE`.
 */
export function createEngineFollow({ client, reads }: EngineFollowOptions): Engine['followLog'] {
  return async function followLog(id, options) {
    const { signal } = options;
    const container = await reads.inspect(id, { signal });
    const task: EngineTask = { operation: 'logs', name: toContainerName(container) };
    const answer = await client
      .stream({
        operation: task.operation,
        path: `${toContainerPath(container.Id)}/logs?${toQuery(options)}`,
        // Seeking in a big log takes the engine a while.
        headersTimeoutMs: 10_000,
        signal,
      })
      .catch((error: unknown) => {
        throw translate(error, task);
      });
    if (!('chunks' in answer)) throw toAppError(answer, task);
    const lines = createLogLines({ tty: container.Config?.Tty === true });
    return readLines(answer.chunks, lines, task);
  };
}

function toQuery({ tail, since, follow }: FollowLogOptions): URLSearchParams {
  const query = new URLSearchParams({
    stdout: '1',
    stderr: '1',
    timestamps: '1',
    follow: follow ? '1' : '0',
    tail: String(tail),
  });
  if (since !== undefined) query.set('since', toSince(since));
  return query;
}

async function* readLines(
  chunks: AsyncIterable<Buffer>,
  lines: LogLines,
  task: EngineTask,
): AsyncGenerator<readonly StampedLine[], void, void> {
  try {
    for await (const chunk of chunks) {
      const batch = lines.push(chunk);
      if (batch.length > 0) yield batch;
    }
  } catch (error) {
    throw translate(error, task);
  }
  const last = lines.end();
  if (last.length > 0) yield last;
}

function translate(error: unknown, task: EngineTask): unknown {
  return error instanceof LostAnswerError ? toLostError(error, task) : error;
}
