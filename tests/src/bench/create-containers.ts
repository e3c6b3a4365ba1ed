// Containers for the bench: as a compose project's look to the engine, made through its API because that is quick.

import { request } from 'node:http';
import { baseImage } from '../real-engine/base-image.ts';

export interface ContainersOptions {
  readonly dockerSocket: string;
  /** Numbers of the containers, `from` included, `to` not. */
  readonly from: number;
  readonly to: number;
  readonly state: 'running' | 'created';
}

const atOnce = 8;

export async function createContainers(options: ContainersOptions): Promise<void> {
  const { from, to, dockerSocket, state } = options;
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  const work = async (): Promise<void> => {
    for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
      const name = `service-${String(number).padStart(3, '0')}`;
      await post(dockerSocket, `/containers/create?name=${name}`, toBody(name));
      if (state === 'running') await post(dockerSocket, `/containers/${name}/start`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** The labels that docker-compose gives each of its containers: they make up most of a listing. */
function toBody(name: string) {
  return {
    Image: baseImage,
    Cmd: ['sleep', '100000'],
    ExposedPorts: { '8080/tcp': {}, '9000/tcp': {} },
    Labels: {
      'com.docker.compose.config-hash':
        '3f0c9b1b7c4bb0b9fd0e4d1f3a7e2f6c8a5d9e0b1c2d3e4f5a6b7c8d9e0f1a2b',
      'com.docker.compose.container-number': '1',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.project': 'home',
      'com.docker.compose.project.config_files': 'docker-compose.yml',
      'com.docker.compose.project.working_dir': '/home/opc/stack',
      'com.docker.compose.service': name,
      'com.docker.compose.version': '1.29.2',
    },
    HostConfig: { Init: true, NetworkMode: 'none' },
  };
}

function post(socketPath: string, path: string, body: object = {}): Promise<void> {
  const json = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) };
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode = 0 } = response;
        if (statusCode >= 200 && statusCode < 300) resolve();
        else reject(new Error(`${path} answered ${statusCode}: ${text}`));
      });
    });
    outgoing.on('error', reject);
    outgoing.end(json);
  });
}
