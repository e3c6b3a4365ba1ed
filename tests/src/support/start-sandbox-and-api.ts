// The whole product in one line of a test: a sandbox, the server before it, tokens for both scopes.

import { type Sandbox, type SandboxOptions, startSandbox } from '@ondemand/sandbox';
import { openAll } from './disposer.ts';
import { startServerHere } from './start-api-in-this-process.ts';
import {
  type Environment,
  type Server,
  type ServerProcess,
  startServer,
} from './start-api-process.ts';

export interface RequestOptions {
  /** `read`, `admin`, `none`, or a token itself. Default: `read` for GET and HEAD, else `admin`. */
  readonly token?: 'read' | 'admin' | 'none' | (string & {});
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface App extends AsyncDisposable {
  readonly url: string;
  readonly sandbox: Sandbox;
  readonly server: Server;
  readonly tokens: { readonly read: string; readonly admin: string };
  /** Sends no header that is not named here; the path goes out as it is written. */
  request(method: string, path: string, options?: RequestOptions): Promise<Response>;
  get(path: string, options?: RequestOptions): Promise<Response>;
  /** Without a body and a content type, as the reference's `curl` lines. */
  post(path: string, options?: RequestOptions): Promise<Response>;
  /** GET that must succeed, parsed. */
  getJson<T>(path: string): Promise<T>;
  /** POST that must succeed, parsed. */
  postJson<T>(path: string): Promise<T>;
}

/** Its server is a process, as it is really run. */
export interface AppProcess extends App {
  readonly server: ServerProcess;
}

export interface AppOptions {
  readonly sandbox?: SandboxOptions;
  /** Over the sandbox's own variables; undefined takes one away. */
  readonly env?: Environment;
}

/**
 * Starts everything on free ports of loopback. Disposing also fails when the server wrote a secret anywhere.
 * @example
 * await using app = await startApp();
 * const containers = await app.getJson<Container[]>('/containers');
 */
export function startApp(options: AppOptions = {}): Promise<AppProcess> {
  return startAppWith(startServer, options);
}

/** The same with its server in this process, for tests that are not about its process: it takes a fifth of the work. */
export function startAppHere(options: AppOptions = {}): Promise<App> {
  return startAppWith(startServerHere, options);
}

function startAppWith<S extends Server>(
  start: (env: Environment) => Promise<S>,
  { sandbox: options, env = {} }: AppOptions,
): Promise<App & { readonly server: S }> {
  return openAll(async (opened) => {
    const sandbox = opened.use(await startSandbox(options));
    const server = opened.use(await start({ LOG_LEVEL: 'debug', ...sandbox.env, ...env }));
    const [read, admin] = await Promise.all([sandbox.tokens.read(), sandbox.tokens.admin()]);
    opened.add(async () => {
      const secrets = [read, admin, sandbox.env.OIDC_CLIENT_SECRET, 'PRIVATE KEY'];
      const leaked = secrets.filter((secret) => secret && server.output().includes(secret));
      if (leaked.length > 0) throw new Error(`The server wrote ${leaked.length} secrets`);
    });
    return {
      sandbox,
      server,
      ...createCaller(server.url, { read, admin }),
    };
  });
}

/** Plain fetch with a token; the answer comes as it is, whatever its status. */
export function createCaller(
  url: string,
  tokens: App['tokens'],
): Pick<App, 'url' | 'tokens' | 'request' | 'get' | 'post' | 'getJson' | 'postJson'> {
  const request: App['request'] = (method, path, options = {}) => {
    const { token = method === 'GET' || method === 'HEAD' ? 'read' : 'admin', body } = options;
    const bearer = token === 'read' ? tokens.read : token === 'admin' ? tokens.admin : token;
    return fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token === 'none' ? {} : { authorization: `Bearer ${bearer}` }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      signal: options.signal ?? AbortSignal.timeout(180_000),
    });
  };
  const toJson = async (response: Response): Promise<unknown> => {
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    throw new Error(`${response.url} answered ${response.status}: ${text}`);
  };
  return {
    url,
    tokens,
    request,
    get: (path, options) => request('GET', path, options),
    post: (path, options) => request('POST', path, options),
    // The caller names the shape that it then checks.
    getJson: async <T>(path: string) => (await toJson(await request('GET', path))) as T,
    postJson: async <T>(path: string) => (await toJson(await request('POST', path))) as T,
  };
}
