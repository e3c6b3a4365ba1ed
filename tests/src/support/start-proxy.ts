// Real nginx and haproxy before the API, with their own default time-outs.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { until } from './until.ts';

export interface Proxy extends AsyncDisposable {
  readonly url: string;
}

export interface ProxyOptions {
  /** Of the API. */
  readonly targetPort: number;
  /** Below which nginx serves it; `/` if left out. */
  readonly path?: '/' | `/${string}/`;
  readonly port?: number;
}

const programs = { nginx: '/usr/sbin/nginx', haproxy: '/usr/sbin/haproxy' } as const;

/** The one-line reason why a proxy cannot be started; undefined when both can. */
export function proxyProblem(): string | undefined {
  const missing = Object.entries(programs).find(([, path]) => !existsSync(path));
  return missing && `${missing[0]} is not installed (Debian: apt-get install ${missing[0]})`;
}

/** Resolves once it accepts connections. */
export async function startProxy(
  kind: keyof typeof programs,
  { targetPort, path = '/', port: given }: ProxyOptions,
): Promise<Proxy> {
  const port = given ?? (await findFreePort());
  const folder = await mkdtemp(join(tmpdir(), `ondemand-${kind}-`));
  const file = join(folder, 'config');
  await writeFile(file, configs[kind]({ folder, port, targetPort, path }));
  const args = kind === 'nginx' ? ['-p', folder, '-e', 'stderr', '-c', file] : ['-db', '-f', file];
  const child = spawn(programs[kind], args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let written = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written += text;
  });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until(`${kind} to listen`, () => child.exitCode !== null || accepts(port));
    if (child.exitCode !== null) throw new Error(`${kind} ended: ${written}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}${path.slice(0, -1)}`, [Symbol.asyncDispose]: stop };
}

interface Facts {
  readonly folder: string;
  readonly port: number;
  readonly targetPort: number;
  readonly path: string;
}

const configs = {
  nginx: ({ folder, port, targetPort, path }: Facts) => `
    daemon off;
    pid ${folder}/pid;
    events {}
    http {
      access_log off;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      server {
        listen 127.0.0.1:${port};
        location ${path} { proxy_pass http://127.0.0.1:${targetPort}/; proxy_http_version 1.1; proxy_set_header Connection ''; }
      }
    }`,
  haproxy: ({ port, targetPort }: Facts) => `
defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
frontend api
  bind 127.0.0.1:${port}
  default_backend api
backend api
  server api 127.0.0.1:${targetPort}
`,
};

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
