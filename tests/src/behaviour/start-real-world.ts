// The behaviour suite's world with a real dockerd behind a real sshd; OCI and the issuer stay the sandbox's.

import { startComposeProject } from '../real-engine/compose-project.ts';
import { type RealVm, type RealVmOptions, startRealVm } from '../real-engine/start-real-vm.ts';
import { openAll } from '../support/disposer.ts';
import { type App, startAppHere } from '../support/start-sandbox-and-api.ts';
import type { BehaviourWorld } from './world.ts';

export interface RealWorld extends BehaviourWorld {
  readonly app: App;
  readonly vm: RealVm;
}

export function startRealWorld(options: RealVmOptions = {}): Promise<RealWorld> {
  return openAll(async (opened) => {
    const vm = opened.use(await startRealVm(options));
    const project = await startComposeProject(vm);
    const app = opened.use(await startAppHere({ env: vm.env }));
    const { web } = project.containers;
    return {
      app,
      vm,
      containers: project.containers,
      webPorts: (await listAsDocker(vm)).find(({ name }) => name === web)?.ports ?? '',
      writePage: project.writePage,
      builtFrom: project.readPage,
      breakBuild: project.breakBuild,
      idOf: async (name: string) => (await vm.inspect(name)).Id,
    };
  });
}

export interface DockerRow {
  readonly name: string;
  readonly state: string;
  readonly image: string;
  readonly ports: string;
  readonly uptime: string;
}

/** What the real `docker ps -a` prints, in its own order. */
export async function listAsDocker(vm: RealVm): Promise<readonly DockerRow[]> {
  const lines = (await vm.docker('ps', '--all', '--format', '{{json .}}')).trim().split('\n');
  return lines.filter(Boolean).map((line) => {
    // docker prints these as text: https://docs.docker.com/reference/cli/docker/container/ls/#format
    const row = JSON.parse(line) as Record<
      'Names' | 'State' | 'Image' | 'Ports' | 'Status',
      string
    >;
    return {
      name: row.Names,
      state: row.State,
      image: row.Image,
      // Old clients leave out the brackets of IPv6 that the contract asks for.
      ports: row.Ports.replaceAll(/(?<=^|, )([\da-f:]*:[\da-f]*):(?=[\d-]+->)/g, '[$1]:'),
      uptime: row.Status,
    };
  });
}
