// Inspects one container, and lists the values of its environment that must be hidden.

import type { CallOptions, EnvironmentWords } from '../../adapter-ports.ts';
import type { ContainerInspection } from '../../model/inspection.ts';
import { toInspection } from '../format/to-inspection.ts';
import { readSecretWords } from '../redact.ts';
import { type EngineTask, toAppError } from '../to-app-error.ts';
import { type EngineReads, parseAnswer, toContainerPath } from './list-and-inspect.ts';
import { type ContainerDetails, containerDetailsSchema, wantedOfDetails } from './schemas.ts';

/** Both throw `NOT_FOUND` and `SERVICE_UNAVAILABLE`. */
export interface EngineInspect {
  inspect(id: string, options: CallOptions): Promise<ContainerInspection>;
  /** As `environmentSecrets` gives them. */
  readSecrets(id: string, options: CallOptions): Promise<EnvironmentWords>;
}

export function createEngineInspect({ reads }: { readonly reads: EngineReads }): EngineInspect {
  return {
    async inspect(id, options) {
      return toInspection(await readDetails(id, options));
    },
    async readSecrets(id, options) {
      const details = await readDetails(id, options);
      return { createdAt: details.Created ?? '', words: await readSecretWords(details) };
    },
  };

  async function readDetails(id: string, { signal }: CallOptions): Promise<ContainerDetails> {
    const task: EngineTask = { operation: 'inspect', name: id };
    const path = `${toContainerPath(id)}/json`;
    const answer = await reads.askFor(detailsFilter, task, path, { signal });
    if (answer.status !== 200) throw toAppError(answer, task);
    return parseAnswer(containerDetailsSchema, answer, task);
  }
}

/** Labels past this are left out and counted: an answer stays one that a process can handle. */
const detailsFilter = { wanted: wantedOfDetails, maxMapBytes: 1024 * 1024 };
