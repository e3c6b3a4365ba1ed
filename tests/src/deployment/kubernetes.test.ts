// The settings of deploy/kubernetes, as the server itself reads them.

import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { readConfiguration } from '@ondemand/server';
import { expect, test } from 'vitest';
import { kubernetesFolder, type Manifest, readManifests } from '../support/kubernetes-manifests.ts';

interface PodSpec {
  readonly containers: readonly [
    {
      readonly env: readonly { readonly name: string; readonly value: string }[];
      readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
    },
  ];
}

test('the pods of deploy/kubernetes lack nothing but their secrets, and set nothing that is not known', async () => {
  const deployment = (await readManifests()).find(({ file }) => file === 'deployment.yaml');
  const { template } = (deployment as Manifest).content.spec as { template: { spec: PodSpec } }; // the schemas are tested in the slow lane
  const [{ env, ports }] = template.spec.containers;
  const set = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  const settings = parseEnv(await readFile(`${kubernetesFolder}ondemand.env`, 'utf8'));
  const { problems, warnings } = await readConfiguration({ ...settings, ...set }, undefined);
  const folder = '/run/secrets/ondemand/';
  expect(problems.length).toBeGreaterThan(0);
  expect(problems.filter((problem) => !problem.includes(folder))).toEqual([]);
  expect(warnings.filter((warning) => !warning.startsWith('COMPOSE_ROOTS'))).toEqual([]);
  expect(ports.map(({ containerPort }) => String(containerPort))).toEqual([
    set.PORT,
    set.METRICS_PORT,
  ]);
});
