// Real proxies before the API, with their own default time-outs.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '@ondemand/sandbox';
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
  /** How long it waits for the API's answer, where not by default. */
  readonly timeoutSeconds?: number;
  /** Where nginx and caddy send those whose service does not answer, as docs/page.md has it. */
  readonly wakeUrl?: string;
}

/** Three processes of the API, as deploy/several-processes has them. */
export interface BalancerOptions {
  readonly targetPorts: readonly [number, number, number];
}

const programs = {
  nginx: '/usr/sbin/nginx',
  haproxy: '/usr/sbin/haproxy',
  caddy: '/usr/bin/caddy',
  apache2: '/usr/sbin/apache2',
} as const;
export type ProxyKind = keyof typeof programs;

/** The one-line reason why one of these cannot be started; undefined when all can. */
export function proxyProblem(
  kinds: readonly ProxyKind[] = ['nginx', 'haproxy'],
): string | undefined {
  const missing = kinds.find((kind) => !existsSync(programs[kind]));
  return missing && `${missing} is not installed (Debian: apt-get install ${missing})`;
}

/** Resolves once it accepts connections. */
export async function startProxy(
  kind: ProxyKind,
  { targetPort, path = '/', port: given, timeoutSeconds, wakeUrl }: ProxyOptions,
): Promise<Proxy> {
  const port = given ?? (await findFreePort());
  const proxy = await runProxy(kind, port, (folder) =>
    configs[kind]({ folder, port, targetPort, path, timeoutSeconds, wakeUrl }),
  );
  return { ...proxy, url: `${proxy.url}${path.slice(0, -1)}` };
}

/** With the configuration of deploy/several-processes, in which nothing but the addresses is changed. */
export async function startBalancer(
  kind: 'nginx' | 'haproxy',
  { targetPorts }: BalancerOptions,
): Promise<Proxy> {
  const port = await findFreePort();
  const name = { nginx: 'nginx.conf', haproxy: 'haproxy.cfg' }[kind];
  const shipped = await readFile(
    new URL(`../../../deploy/several-processes/${name}`, import.meta.url),
    'utf8',
  );
  const config = targetPorts
    .reduce((text, target, index) => text.replace(`:${5001 + index}`, `:${target}`), shipped)
    .replace(/(listen |bind ):?8080/, `$1127.0.0.1:${port}`);
  return runProxy(kind, port, (folder) => (kind === 'nginx' ? toNginx(folder, config) : config));
}

/** Resolves once it accepts connections. */
async function runProxy(
  kind: ProxyKind,
  port: number,
  toConfig: (folder: string) => string,
): Promise<Proxy> {
  const folder = await mkdtemp(join(tmpdir(), `ondemand-${kind}-`));
  const file = join(folder, 'config');
  await writeFile(file, toConfig(folder));
  const child = spawn(programs[kind], toArguments(kind, folder, file), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
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
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}

interface Facts {
  readonly folder: string;
  readonly port: number;
  readonly targetPort: number;
  readonly path: string;
  readonly timeoutSeconds: number | undefined;
  readonly wakeUrl: string | undefined;
}

function toArguments(kind: ProxyKind, folder: string, file: string): readonly string[] {
  if (kind === 'nginx') return ['-p', folder, '-e', 'stderr', '-c', file];
  if (kind === 'haproxy') return ['-db', '-f', file];
  if (kind === 'caddy') return ['run', '--config', file, '--adapter', 'caddyfile'];
  return ['-D', 'FOREGROUND', '-d', folder, '-f', file];
}

const configs = {
  nginx: ({ folder, port, targetPort, path, timeoutSeconds = 60, wakeUrl }: Facts) =>
    toNginx(
      folder,
      `server {
        listen 127.0.0.1:${port};
        location ${path} { proxy_pass http://127.0.0.1:${targetPort}/; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_read_timeout ${timeoutSeconds}s; }
        ${wakeUrl === undefined ? '' : `error_page 502 504 = @wake; location @wake { return 302 ${wakeUrl}?to=http://$host$uri; }`}
      }`,
    ),
  haproxy: ({ port, targetPort, timeoutSeconds = 50 }: Facts) => `
defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server ${timeoutSeconds}s
frontend api
  bind 127.0.0.1:${port}
  default_backend api
backend api
  server api 127.0.0.1:${targetPort}
`,
  // It waits for ever unless it is told otherwise.
  caddy: ({ port, targetPort, path, timeoutSeconds = 0, wakeUrl }: Facts) => `
{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  handle_path ${path}* {
    reverse_proxy 127.0.0.1:${targetPort} {
      transport http {
        response_header_timeout ${timeoutSeconds}s
      }
    }
  }
  ${wakeUrl === undefined ? '' : `handle_errors {\n    @off expression \`{err.status_code} in [502, 504]\`\n    redir @off ${wakeUrl}?to=http://{host}{path} 302\n  }`}
}
`,
  apache2: ({ folder, port, targetPort, path, timeoutSeconds = 60 }: Facts) => `
${['mpm_event', 'authz_core', 'proxy', 'proxy_http'].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
DefaultRuntimeDir ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
DocumentRoot ${folder}
User nobody
Group nogroup
Timeout ${timeoutSeconds}
ProxyPass ${path} http://127.0.0.1:${targetPort}/
`,
};

function toNginx(folder: string, site: string): string {
  const buffers = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    daemon off;
    pid ${folder}/pid;
    events {}
    http {
      access_log off;
      ${buffers.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      ${site}
    }`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
