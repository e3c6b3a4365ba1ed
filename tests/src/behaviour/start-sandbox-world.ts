// The behaviour suite's world with nothing but the sandbox.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '@ondemand/sandbox';
import { startAppHere } from '../support/start-sandbox-and-api.ts';
import { type BehaviourWorld, mixedLines, secretWord, talkativeLines, ttyLines } from './world.ts';

const containers = {
  web: 'nginx',
  mixed: 'worker',
  talkative: 'import-job',
  tty: 'console',
  exited: 'migrate',
  created: 'spare',
  plain: 'cache',
  paused: 'frozen',
  secretive: 'vault',
} as const satisfies BehaviourWorld['containers'];

export async function startSandboxWorld(): Promise<BehaviourWorld> {
  const app = await startAppHere();
  const { engine } = app.sandbox.vm;
  addContainers(engine);
  const web = () => {
    const found = engine.find(containers.web);
    if (found === undefined) throw new Error('the sandbox has no nginx');
    return found;
  };
  const folder = web().spec.labels['com.docker.compose.project.working_dir'] ?? '';
  return {
    app,
    containers,
    webPorts: '0.0.0.0:8080->80/tcp, [::]:8080->80/tcp',
    writePage: (text) => writeFile(join(folder, 'html/index.html'), `<h1>${text}</h1>\n`),
    builtFrom: async () => web().spec.imageId,
    breakBuild: () =>
      writeFile(
        join(folder, 'Dockerfile'),
        'FROM nginx:1.29-alpine\nRUN echo broken on purpose; exit 7\n',
      ),
    idOf: async (name) => engine.find(name)?.id ?? '',
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

function addContainers(engine: Sandbox['vm']['engine']): void {
  const { mixed, talkative, tty, exited, created, plain, paused, secretive } = containers;
  engine.add({ name: mixed });
  engine.add({ name: talkative });
  engine.add({ name: tty, tty: true });
  engine.add({ name: exited, status: 'exited', exitCode: 3, startedAgoMs: 2_000 });
  engine.add({ name: created, status: 'created' });
  engine.add({ name: plain });
  engine.add({ name: paused, status: 'paused' });
  engine.add({
    name: secretive,
    env: [`SECRET_WORD=${secretWord}`],
    labels: { 'org.example.repeats': `say ${secretWord}` },
  });
  for (const line of mixedLines) {
    engine.appendLog(mixed, line.startsWith('err') ? 'stderr' : 'stdout', `${line}\n`);
  }
  for (const line of talkativeLines) engine.appendLog(talkative, 'stdout', `${line}\n`);
  for (const line of ttyLines) engine.appendLog(tty, 'stdout', `${line}\r\n`);
  engine.appendLog(exited, 'stdout', 'migrated\n');
}
