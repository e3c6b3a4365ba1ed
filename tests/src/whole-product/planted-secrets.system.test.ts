// Secrets are planted in environments and in what builds print; then all that was answered, logged and written is searched for them.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { startServer } from '../support/start-api-process.ts';
import { createCaller, startAppHere } from '../support/start-sandbox-and-api.ts';

const rotated = ['first-pl4nted', 'second-pl4nted', 'third-pl4nted'];
const ofVault = 'vault-pl4nted';

/** What it has beside its secret would be missed: hiding it destroys the answer. */
const vault = {
  name: 'vault',
  env: [
    `API_TOKEN=${ofVault}`,
    'PGDATA=/var/lib/postgresql/data',
    'ENABLE=true',
    'WAIT=1000',
    'APP_VERSION=1.29.1',
  ],
  command: ['sleep', '100000', `--token=${ofVault}`],
  mounts: [
    {
      type: 'volume' as const,
      source: 'vault_data',
      target: '/var/lib/postgresql/data',
      readOnly: false,
    },
  ],
  labels: { 'traefik.enable': 'true', version: '1.29.1', note: `opens with ${ofVault}` },
};
const shown = [
  '["sleep","100000","--token=***"]',
  '"traefik.enable":"true"',
  '"version":"1.29.1"',
  '"note":"opens with ***"',
  '"/var/lib/postgresql/data"',
  'PGDATA',
];

async function readFiles(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name !== 'log') // which is the build's own
    .map(({ parentPath, name }) => join(parentPath, name));
  return (await Promise.all(files.map((file) => readFile(file, 'latin1')))).join('\n');
}

test('no planted secret is in any answer, log or file, through any process, and no planted non-secret is hidden', async () => {
  await using app = await startAppHere();
  await using server = await startServer({ LOG_LEVEL: 'debug', ...app.sandbox.env });
  const other = createCaller(server.url, app.tokens);
  const { engine } = app.sandbox.vm;
  engine.add(vault);
  const folder = engine.find('nginx')?.spec.labels['com.docker.compose.project.working_dir'] ?? '';
  const compose = await readFile(join(folder, 'compose.yml'), 'utf8');
  const rebuild = async (caller: typeof other, before: string, word: string) => {
    const changed = compose.replace('TZ: Europe/Paris', `API_WORD: ${word}`);
    await writeFile(join(folder, 'compose.yml'), changed);
    const dockerfile = `FROM nginx:1.29-alpine\nRUN echo from ${before} to ${word} it goes\n`;
    await writeFile(join(folder, 'Dockerfile'), dockerfile);
    return (await caller.postJson<{ job: string }>('/containers/nginx/rebuild')).job;
  };

  const answers: string[] = [];
  const read = async (caller: typeof other, path: string) => {
    const text = await (await caller.get(encodeURI(path))).text();
    answers.push(text);
    return text;
  };
  const jobs: string[] = [];
  for (const [index, word] of rotated.entries())
    jobs.push(await rebuild(index === 1 ? other : app, rotated[index - 1] ?? 'nothing', word));
  for (const caller of [app, other]) {
    for (const job of jobs.slice(1)) {
      expect(await read(caller, `/jobs/${job}`)).toContain('from *** to *** it goes');
      expect(await read(caller, `/jobs/${job}/output`)).toContain('from *** to *** it goes');
    }
    const inspection = await read(caller, '/containers/vault/inspect');
    for (const text of shown) expect(inspection).toContain(text);
    for (const path of [
      '/jobs',
      '/containers',
      '/events?follow=false',
      '/containers/nginx/inspect',
    ])
      await read(caller, path);
    await read(caller, '/trpc/jobs.list,containers.inspect?batch=1&input={"1":{"name":"vault"}}');
  }
  engine.remove('nginx');
  for (const caller of [app, other])
    expect(await read(caller, `/jobs/${jobs[2]}`)).toContain('output withheld');

  const written = await readFiles(join(dirname(dirname(folder)), '.local'));
  expect(written).toContain('rebuild'); // it is the right folder
  const everything = [...answers, written, app.server.output(), server.output()];
  for (const word of [...rotated, ofVault])
    expect(everything.filter((text) => text.includes(word))).toEqual([]);
});
