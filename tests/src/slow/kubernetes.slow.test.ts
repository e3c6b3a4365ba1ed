// deploy/kubernetes, judged by Kubernetes' published schemas and by kustomize.

import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import {
  kubernetesFolder,
  type Manifest,
  readManifests,
  toManifests,
} from '../support/kubernetes-manifests.ts';
import { run } from '../support/run.ts';
import { describeWith } from './describe-or-skip.ts';
import { findNpmTool } from './fetch-npm-tool.ts';

// Made from the published schemas: their types know every field, their checks every pattern.
const models = await findNpmTool({
  'kubernetes-models': '5.1.0',
  '@kubernetes-models/prometheus-operator': '6.0.0',
});
const tsc = fileURLToPath(new URL('../../../node_modules/.bin/tsc', import.meta.url));
const kubectl = await findKubectl();

describeWith(models, "Kubernetes' schemas", ({ folder }) => {
  test('take every object', async () => {
    const manifests = await readManifests();
    expect(new Set(manifests.map(({ kind }) => kind))).toEqual(
      new Set([
        ...['Deployment', 'Ingress', 'Namespace', 'NetworkPolicy', 'PodDisruptionBudget'],
        ...['Service', 'ServiceMonitor'],
      ]),
    );
    expect(await judge(folder, manifests)).toBe('');
  });

  test.each([
    ['a field that there is not', /"readinessProbe":/, '"readynessProbe":', /readynessProbe/],
    ['a value of another kind', /"replicas":2/, '"replicas":"two"', /string.*number/],
    ['a value that means nothing', /"cpu":"50m"/, '"cpu":"50 m"', /cpu/],
  ])('refuse %s', async (_, right, wrong, words) => {
    const changed = (await readManifests()).map((manifest) => {
      const text = JSON.stringify(manifest.content);
      return {
        ...manifest,
        content: JSON.parse(text.replace(right, wrong)) as Manifest['content'],
      };
    });
    expect(await judge(folder, changed)).toMatch(words);
  });
});

describeWith(kubectl, 'kubectl kustomize', (found) => {
  test('makes what is applied of it', async () => {
    const { output, manifests } = await build(found.program, kubernetesFolder);
    expect(output).toMatch(/configMapRef:\s+name: ondemand-\w+/);
    expect(output).not.toContain('redis');
    expect(manifests.map(({ kind }) => kind).sort()).toEqual([
      ...['ConfigMap', 'Deployment', 'Ingress', 'Namespace', 'NetworkPolicy'],
      ...['PodDisruptionBudget', 'Service', 'ServiceMonitor'],
    ]);
  });

  test('adds a Redis where that is wanted, and points the processes at it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ondemand-kustomize-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await cp(kubernetesFolder, folder, { recursive: true });
    const file = join(folder, 'kustomization.yaml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('# components:', 'components:'));
    const { manifests } = await build(found.program, folder);
    const deployments = manifests.filter(({ kind }) => kind === 'Deployment');
    expect(deployments).toHaveLength(2);
    const withUrl = deployments.filter(({ content }) =>
      JSON.stringify(content).includes('redis://ondemand-redis:6379'),
    );
    expect(withUrl.map(({ content }) => (content.metadata as { name: string }).name)).toEqual([
      'ondemand',
    ]);
  });
});

/** What the types and the checks object to; empty where they do not. */
async function judge(folder: string, manifests: readonly Manifest[]): Promise<string> {
  const own = await mkdtemp(join(folder, 'judge-'));
  try {
    const imports = manifests.map(({ apiVersion, kind }, index) => {
      const [version, group] = apiVersion.split('/').reverse();
      const operators = group === 'monitoring.coreos.com';
      const name = operators ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models';
      const module = [name, group, version].filter((part) => part !== undefined).join('/');
      return `import { ${kind} as Model${index}, type I${kind} as Type${index} } from '${module}';`;
    });
    const objects = manifests.map(
      ({ content }, index) =>
        `const object${index}: Type${index} = ${JSON.stringify(content)};\nnew Model${index}(object${index}).validate();`,
    );
    const file = join(own, 'manifests.mts');
    await writeFile(file, [...imports, ...objects].join('\n'));
    const options = ['--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022'];
    const types = await run([tsc, ...options, file], { cwd: own });
    const checks = await run([process.execPath, join(own, 'manifests.mjs')], { cwd: own });
    return types.stdout + (checks.exitCode === 0 ? '' : checks.stderr);
  } finally {
    await rm(own, { recursive: true });
  }
}

/** Its kustomize knows components since 1.21. */
async function findKubectl(): Promise<{ readonly program: string } | string> {
  const program = ['/usr/bin/kubectl', '/usr/local/bin/kubectl'].find(existsSync);
  if (program === undefined) return 'kubectl is not installed';
  const { stdout } = await run([program, 'version', '--client', '-o', 'json']);
  const [, minor] = /"gitVersion": "v1\.(\d+)\./.exec(stdout) ?? [];
  return Number(minor) >= 21 ? { program } : 'kubectl is older than 1.21';
}

async function build(program: string, folder: string) {
  const { exitCode, stdout, stderr } = await run([program, 'kustomize', folder]);
  expect(exitCode, stderr).toBe(0);
  return { output: stdout, manifests: toManifests(stdout) };
}
