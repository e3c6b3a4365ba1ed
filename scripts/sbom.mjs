// `pnpm sbom [FILE]`: what is in the packages that are shipped, what they depend on and what is bundled into them, as a CycloneDX document.
// Two runs on one commit write the same: it has no serial number, and the time of the commit.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build, root } from './run-installed-tool.mjs';

const require = createRequire(import.meta.url);
const { Contrib, Enums, Models, Serialize, Spec } = require('@cyclonedx/cyclonedx-library');

/** Each with what of ours is bundled into it. */
const shipped = {
  'packages/client': [],
  'packages/core': [],
  'apps/web': ['packages/client'],
  'packages/server': ['packages/core', 'apps/web'],
  'apps/cli': ['packages/client'],
};
const { FromNodePackageJson, License } = Contrib;
const builder = new FromNodePackageJson.Builders.ComponentBuilder(
  new FromNodePackageJson.Factories.ExternalReferenceFactory(),
  new License.Factories.LicenseFactory(require('spdx-expression-parse')),
);
const integrities = readIntegrities(readFileSync(`${root}pnpm-lock.yaml`, 'utf8'));

process.exitCode = await main(process.argv.slice(2));

async function main([file]) {
  const code = await build();
  if (code !== 0) return code;
  const components = new Map();
  for (const [folder, ours] of Object.entries(shipped)) {
    const path = join(root, folder);
    const bundled = [...ours.map((each) => join(root, each)), ...(await findBundled(path))];
    add(path, { components, bundled });
  }
  const bom = new Models.Bom({ metadata: toMetadata([...components.values()]) });
  for (const component of components.values()) bom.components.add(component);
  const normalizer = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const text = new Serialize.JsonSerializer(normalizer).serialize(bom, {
    sortLists: true,
    space: 2,
  });
  if (file === undefined) process.stdout.write(`${text}\n`);
  else writeFileSync(file, `${text}\n`);
  return 0;
}

/** A package with all that it needs when it runs; resolves with its component. */
function add(path, { components, bundled = [] }) {
  const manifest = readManifest(path);
  const key = `${manifest.name}@${manifest.version}`;
  const known = components.get(key);
  if (known !== undefined) return known;
  const component = toComponent(manifest);
  components.set(key, component);
  const needed = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
  const paths = needed.map((name) => findPackage(name, path)).filter(Boolean);
  for (const each of new Set([...paths, ...bundled]))
    component.dependencies.add(add(each, { components }).bomRef);
  return component;
}

function toComponent(manifest) {
  const { name, version } = manifest;
  const component = builder.makeComponent(manifest, Enums.ComponentType.Library);
  component.purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  component.bomRef.value = component.purl;
  const integrity = integrities.get(`${name}@${version}`);
  if (integrity !== undefined)
    component.hashes.set(
      Enums.HashAlgorithm['SHA-512'],
      Buffer.from(integrity, 'base64').toString('hex'),
    );
  return component;
}

function toMetadata(components) {
  const product = toComponent(readManifest(root));
  product.type = Enums.ComponentType.Application;
  for (const { bomRef } of components.filter(({ group }) => group === '@ondemand'))
    product.dependencies.add(bomRef);
  return new Models.Metadata({ component: product, timestamp: readCommitTime() });
}

/** Undefined where this is no clone. */
function readCommitTime() {
  try {
    const options = { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return new Date(execFileSync('git', ['log', '-1', '--format=%cI'], options).trim());
  } catch {
    return undefined;
  }
}

/** The packages whose code stands in a bundle, by its source maps. */
async function findBundled(path) {
  const files = await readdir(join(path, 'dist'), { recursive: true });
  const maps = files
    .filter((file) => /\.c?js\.map$/.test(file))
    .map((file) => join(path, 'dist', file));
  const sources = maps.flatMap((map) =>
    JSON.parse(readFileSync(map, 'utf8')).sources.map((source) => join(dirname(map), source)),
  );
  const folders = sources.map(
    (source) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(source)?.[0],
  );
  return [...new Set(folders.filter(Boolean))].map((folder) => realpathSync(folder));
}

/** As Node finds it; undefined for an optional one that is not installed. */
function findPackage(name, from) {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(join(found, 'package.json'))) return realpathSync(found);
  }
  return undefined;
}

function readManifest(path) {
  return JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
}

function readIntegrities(lockfile) {
  const entries = lockfile.matchAll(
    /^ {2}'?([^'\s]+@[^'\s(]+)'?:\n {4}resolution: \{integrity: sha512-([^,}]+)/gm,
  );
  return new Map([...entries].map(([, key, integrity]) => [key, integrity]));
}
