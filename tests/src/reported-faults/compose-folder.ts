// A compose project's folder on the real VM, as its owner writes it and calls compose in it.

import { chown, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { baseImage } from '../real-engine/base-image.ts';
import {
  type ComposeCall,
  type ComposeVersion,
  everydayCompose,
  runCompose,
} from '../real-engine/compose.ts';
import type { RealVm } from '../real-engine/start-real-vm.ts';

/** To set up a project's own costs as much as all else that `up` does. */
export type ServiceNetwork = 'of the VM' | 'of the project';

export interface ComposeFolder {
  readonly folder: string;
  /** A folder in this one. */
  inFolder(name: string): Promise<ComposeFolder>;
  write(file: string, services: Readonly<Record<string, object>>): Promise<void>;
  writeText(file: string, text: string): Promise<void>;
  /** A service that is built and whose image holds the page; it has the VM's network unless it is given its project's. */
  built(page: string, network?: ServiceNetwork): object;
  plain(network?: ServiceNetwork): object;
  /** In this folder; rejects unless it ends well. */
  compose(args: readonly string[], call?: Pick<ComposeCall, 'env'>): Promise<void>;
  /** Makes a service's containers with the names and labels that `up` gives them, without the work of compose; resolves with their names. They are not started. */
  create(
    service: string,
    options?: { name?: string; replicas?: number },
  ): Promise<readonly string[]>;
  /** What compose calls it; the project is this folder's name. */
  container(service: string, project?: string, number?: number): string;
  idOf(container: string): Promise<string>;
  stateOf(container: string): Promise<string>;
  /** Of the image that the container was made from. */
  pageOf(container: string): Promise<string | undefined>;
  networkOf(container: string): Promise<string>;
  environmentOf(container: string): Promise<readonly string[]>;
  /** All of compose, but for what says which image it was and which container it replaced. */
  labelsOf(container: string): Promise<Readonly<Record<string, string>>>;
  /** Those that hold a path. */
  pathLabels(container: string): Promise<string>;
}

/** A folder of the SSH user's on the VM, below `projects`. */
export async function createProject(
  vm: RealVm,
  name: string,
  version: ComposeVersion = everydayCompose,
): Promise<ComposeFolder> {
  const projects = join(vm.home, 'projects');
  await makeFolder(vm, projects);
  return createFolder(vm, join(projects, name), version);
}

async function createFolder(
  vm: RealVm,
  folder: string,
  version: ComposeVersion,
): Promise<ComposeFolder> {
  await makeFolder(vm, folder);
  const writeText = async (file: string, text: string) => {
    await writeFile(join(folder, file), text);
    await chown(join(folder, file), vm.user.id, vm.user.id);
  };
  const labelsOf = async (container: string) => {
    const { Labels } = (await vm.inspect(container)).Config;
    return Object.fromEntries(
      Object.entries(Labels).filter(
        ([name]) => !/^com\.docker\.compose\.(image|replace)$/.test(name),
      ),
    );
  };
  const environmentOf = async (container: string) => (await vm.inspect(container)).Config.Env;
  const toName = (service: string, project = basename(folder), number = 1) =>
    [project, service, number].join(version === 'v1' ? '_' : '-');
  return {
    folder,
    inFolder: async (name) => {
      const parts = name.split('/').map((_, at, all) => all.slice(0, at + 1).join('/'));
      for (const part of parts) await makeFolder(vm, join(folder, part));
      return createFolder(vm, join(folder, name), version);
    },
    // JSON is YAML.
    write: (file, services) => writeText(file, JSON.stringify({ services })),
    writeText,
    built: (page, network) => ({
      build: { context: folder, args: { PAGE: page } },
      ...toSleeper(network),
    }),
    plain: (network) => ({ image: baseImage, ...toSleeper(network) }),
    async compose(args, call = {}) {
      const { exitCode, stdout, stderr } = await runCompose(vm, args, {
        version,
        cwd: folder,
        ...call,
      });
      if (exitCode !== 0) throw new Error(`compose ${args.join(' ')}: ${stdout}${stderr}`);
    },
    create: (service, { name, replicas = 1 } = {}) =>
      Promise.all(
        Array.from({ length: replicas }, async (_, index) => {
          const container = name ?? toName(service, undefined, index + 1);
          const labels = {
            project: basename(folder),
            service,
            'container-number': index + 1,
            oneoff: 'False',
            version: version === 'v1' ? '1.29.2' : '2.26.1',
            'config-hash': 'of an older file',
            'project.working_dir': folder,
            'project.config_files': `${version === 'v1' ? '' : `${folder}/`}docker-compose.yml`,
          };
          const options = Object.entries(labels).map(
            ([key, value]) => `--label=com.docker.compose.${key}=${value}`,
          );
          await vm.docker(
            ...['create', '--name', container, '--init', '--network', 'host', ...options],
            ...[baseImage, 'sleep', '99999'],
          );
          return container;
        }),
      ),
    container: toName,
    idOf: async (container) => (await vm.inspect(container)).Id,
    stateOf: async (container) => (await vm.inspect(container)).State.Status,
    networkOf: async (container) => (await vm.inspect(container)).HostConfig.NetworkMode,
    pageOf: async (container) =>
      (await environmentOf(container)).find((line) => line.startsWith('PAGE='))?.slice(5),
    environmentOf,
    labelsOf,
    async pathLabels(container) {
      const labels = Object.entries(await labelsOf(container));
      return labels
        .filter(([name]) => name.startsWith('com.docker.compose.project.'))
        .map((pair) => pair.join('='))
        .sort()
        .join('\n');
    },
  };
}

async function makeFolder(vm: RealVm, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chown(folder, vm.user.id, vm.user.id);
  await writeFile(
    join(folder, 'Dockerfile'),
    // Each folder's own step is the first, or builds side by side would take their layers from each other.
    `FROM ${baseImage}\nENV FOLDER=${folder}\nARG PAGE\nENV PAGE=$PAGE\n`,
  );
}

function toSleeper(network: ServiceNetwork = 'of the VM'): object {
  const onVm = network === 'of the VM' ? { network_mode: 'host' } : {};
  return { init: true, command: ['sleep', '99999'], ...onVm };
}
