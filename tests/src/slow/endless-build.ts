// A build that does not end by itself.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { App } from '../support/start-sandbox-and-api.ts';

/** Lets the next build of the sandbox's nginx hang; it takes a step with another text, as one that it knows is cached. */
export function hangBuild({ sandbox }: App, text: string): Promise<void> {
  const labels = sandbox.vm.engine.find('nginx')?.spec.labels ?? {};
  const folder = labels['com.docker.compose.project.working_dir'] ?? '';
  return writeFile(
    join(folder, 'Dockerfile'),
    `FROM nginx:1.29-alpine\nRUN echo ${text}; sleep 3600\n`,
  );
}
