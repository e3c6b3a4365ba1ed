// A started server in a world that a test may break: its link to sshd runs through a proxy, its known_hosts file is the test's own.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Sandbox, type SandboxOptions, startSandbox } from '@ondemand/sandbox';
import { expect } from 'vitest';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { type Disposer, openAll } from '../support/disposer.ts';
import {
  type ApiErrorBody,
  type ApiErrorCode,
  expectApiError,
} from '../support/expect-api-error.ts';
import { type Environment, type ServerProcess, startServer } from '../support/start-api-process.ts';
import { type App, createCaller } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { addSandboxContainers } from './test-containers.ts';

export interface FaultyServer extends AsyncDisposable, ReturnType<typeof createCaller> {
  readonly server: ServerProcess;
  readonly sandbox: Sandbox;
  readonly proxy: TcpProxy;
  /** `ssh-ed25519 AAAA…`, the key that the VM really has. */
  readonly hostKey: string;
  /** Puts the VM's address with this key on file, and nothing else; no key, no line. */
  trust(hostKey: string | undefined, options?: { readonly marker?: string }): Promise<void>;
  /**
   * Requests succeed, over a connection that has lived long enough to be taken for a good one: the loss of a younger one would count as a failed attempt.
   * To be called before a fault.
   */
  settle(): Promise<void>;
  /** The request is refused as it should be, whole; one that a younger failure explains is asked again. Resolves with what was said. */
  expectRefusal(expected: Refusal): Promise<ApiErrorBody>;
  /** Requests succeed again; until then they are refused as they should be. How soon is tested with a clock, in core's ssh/connection-faults.test.ts. */
  expectRecovery(): Promise<void>;
}

export interface Refusal {
  /** Default: `SERVICE_UNAVAILABLE`. */
  readonly code?: ApiErrorCode;
  /** `details.reason`; left out where there must be none. */
  readonly reason?: string;
  readonly message: RegExp;
  readonly method?: string;
  readonly path?: string;
  /** Default: one that may. */
  readonly token?: () => Promise<string>;
  /** Makes the fault again: for one that only a request over a connection that is still open can tell. */
  readonly makeAgain?: () => Promise<void>;
}

export interface FaultyServerOptions {
  /** The sandbox's own VM serves where there is no real one. */
  readonly vm?: RealVm | undefined;
  readonly sandbox?: SandboxOptions;
  /** Wins over everything that points the server at its world; undefined takes a variable away. */
  readonly env?: Environment;
}

/** Starts a server with a sandbox of its own for OCI and the issuer. Disposing fails unless it exits with 0, without a warning and without having written a secret. */
export function startFaultyServer(options: FaultyServerOptions = {}): Promise<FaultyServer> {
  // One after another: a start is the only thing here that costs, and groups of tests start theirs at once.
  const started = lastStart.then(() => start(options));
  lastStart = started.catch(() => {});
  return started;
}

let lastStart: Promise<unknown> = Promise.resolve();

function start(options: FaultyServerOptions): Promise<FaultyServer> {
  return openAll(async (opened) => {
    const sandbox = opened.use(await startSandbox(options.sandbox));
    if (options.vm === undefined) addSandboxContainers(sandbox);
    const world: Environment = { ...sandbox.env, SSH_HOST: '127.0.0.1', ...options.vm?.env };
    const hostKey = await readHostKey(world.SSH_KNOWN_HOSTS_FILE);
    const proxy = opened.use(await startTcpProxy(Number(world.SSH_PORT)));
    const knownHostsFile = await createFile(opened, 'known_hosts');
    const trust: FaultyServer['trust'] = async (key, { marker = '' } = {}) => {
      const hosts = ['127.0.0.1', '127.0.0.2'].map((host) => `[${host}]:${proxy.port}`).join();
      await writeFile(knownHostsFile, key ? `${marker} ${hosts} ${key}\n`.trimStart() : '');
    };
    await trust(hostKey);

    const server = opened.use(
      await startServer({
        LOG_LEVEL: 'debug',
        RATE_LIMIT_PER_MINUTE: '100000', // a test asks often what a user asks once
        // A fault that hangs is told after so long.
        SSH_CONNECT_TIMEOUT_SECONDS: '8',
        OCI_TIMEOUT_SECONDS: '8',
        ...world,
        SSH_PORT: String(proxy.port),
        SSH_KNOWN_HOSTS_FILE: knownHostsFile,
        ...options.env,
      }),
    );
    const [read, admin] = await Promise.all([sandbox.tokens.read(), sandbox.tokens.admin()]);
    opened.add(async () => {
      for (const secret of [read, admin, sandbox.env.OIDC_CLIENT_SECRET ?? '', 'PRIVATE KEY']) {
        expect(server.output().includes(secret), 'the server wrote a secret').toBe(false);
      }
    });
    const caller = createCaller(server.url, { read, admin });
    return {
      ...caller,
      server,
      sandbox,
      proxy,
      hostKey,
      trust,
      settle: () => settle(caller, server),
      expectRefusal: (expected: Refusal) => expectRefusal(caller, expected),
      expectRecovery: () => expectRecovery(caller),
    };
  });
}

/** A file of the test's own, gone when it is disposed. */
export async function createFile(opened: Disposer, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-faults-'));
  opened.add(() => rm(folder, { recursive: true, force: true }));
  return join(folder, name);
}

async function readHostKey(knownHostsFile: string | undefined): Promise<string> {
  const text = await readFile(knownHostsFile ?? '', 'utf8');
  return text.split('\n', 1).join().split(' ').slice(1).join(' ');
}

type Caller = Pick<App, 'get' | 'request'>;

/** After it a first reason is the failure that is shown. */
const firstReasonsMs = 90_000;
/** More often would be a load of its own beside eight other servers. */
const intervalMs = 100;
/** Below it a connection hardly lived; see `shortLifeMs` in core's backoff.ts. */
const steadyMs = 1_100;

async function settle(caller: Caller, server: ServerProcess): Promise<void> {
  await until(
    'a steady connection',
    async () => {
      const response = await caller.get('/containers');
      await response.arrayBuffer();
      const connected = findLast(server.output(), '"connected to the VM"');
      return response.ok && Date.now() - Number(connected?.time) > steadyMs;
    },
    { intervalMs },
  );
}

/** The last line of the log that holds the text; it is long, and this is asked often. */
function findLast(log: string, text: string): { readonly time?: unknown } | undefined {
  const at = log.lastIndexOf(text);
  if (at < 0) return undefined;
  const end = log.indexOf('\n', at);
  return JSON.parse(log.slice(log.lastIndexOf('\n', at) + 1, end < 0 ? undefined : end));
}

/** Reasons that stand for the loss itself (a reset also meets an attempt under way), an sshd that starts again, or a machine that is busy, before an attempt has told more. */
const firstReasons =
  /^(CONNECTION_(LOST|RESET|UNSTABLE|REFUSED)|HANDSHAKE_TIMEOUT|DOCKER_TIMEOUT)$/;

async function expectRefusal(
  caller: Caller,
  {
    code = 'SERVICE_UNAVAILABLE',
    reason,
    message,
    method = 'GET',
    path = '/containers',
    token,
    makeAgain,
  }: Refusal,
): Promise<ApiErrorBody> {
  const deadlineMs = performance.now() + firstReasonsMs;
  /** A first success: the request joined one that had its answer before the fault; the next is a new one. */
  let mayBeShared = method === 'GET';
  for (;;) {
    const options = token === undefined ? {} : { token: await token() };
    const response = await caller.request(method, path, options);
    if (response.ok && mayBeShared) {
      await response.arrayBuffer();
      mayBeShared = false;
      continue;
    }
    const error = await expectApiError(response, code);
    const said = error.details.reason;
    const isFirst = said !== reason && firstReasons.test(String(said));
    if (isFirst && performance.now() < deadlineMs) {
      await sleep(intervalMs);
      await makeAgain?.();
      continue;
    }
    expect(said, error.message).toBe(reason);
    expect(error.message).toMatch(message);
    return error;
  }
}

async function expectRecovery(caller: Caller): Promise<void> {
  await until(
    'requests to succeed again',
    async () => {
      const response = await caller.get('/containers');
      if (response.ok) return Array.isArray(await response.json());
      const { message } = await expectApiError(response, 'SERVICE_UNAVAILABLE');
      throw new Error(message);
    },
    { intervalMs },
  );
}
