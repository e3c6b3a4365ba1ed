// nginx with `deploy/nginx.conf` as it is, but for the ports and the name of the server behind it.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(new URL('../../../deploy/nginx.conf', import.meta.url));

export interface NginxConfiguration extends AsyncDisposable {
  /** What nginx takes: `nginx ARGUMENTS`. */
  readonly args: readonly string[];
}

export async function writeNginxConfiguration(ports: {
  readonly listen: number;
  readonly server: number;
}): Promise<NginxConfiguration> {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-nginx-'));
  const site = (await readFile(file, 'utf8'))
    .replace('listen 8080;', `listen 127.0.0.1:${ports.listen};`)
    .replace('http://ondemand:5000', `http://127.0.0.1:${ports.server}`);
  await writeFile(join(folder, 'default.conf'), site);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const main = `daemon off; pid ${folder}/pid; events {} http { access_log off; ${temporary.join(' ')} include ${folder}/default.conf; }`;
  await writeFile(join(folder, 'nginx.conf'), main);
  return {
    args: ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
