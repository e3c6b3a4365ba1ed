// Two processes' worth of the API before one outside world, all in this process, so that a run of chaos is short.

import { type Sandbox, startSandbox } from '@ondemand/sandbox';
import { openAll } from '../support/disposer.ts';
import { type Service, startServiceHere } from '../support/start-api-in-this-process.ts';
import { until } from '../support/until.ts';
import type { Caller, FaultName } from './step.ts';

export interface ChaosWorld extends AsyncDisposable {
  readonly sandbox: Sandbox;
  ask(process: number, request: ChaosRequest): Promise<ChaosAnswer>;
  /** Ends one process as an orchestrator does, and begins another in its place. */
  restart(process: number): Promise<void>;
  begin(fault: FaultName): void;
  /** The VM comes back with another key. */
  replaceHostKey(): Promise<void>;
  /** Ends each fault, and has the present host key vouched for. */
  repair(): void;
  /** Ends both processes; resolves once nothing of them is open any more, neither here nor at the VM. */
  end(): Promise<void>;
}

export interface ChaosRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly caller: Caller;
  readonly body?: object;
}

export interface ChaosAnswer {
  readonly status: number;
  readonly text: string;
}

export function startChaosWorld(): Promise<ChaosWorld> {
  return openAll<Omit<ChaosWorld, typeof Symbol.asyncDispose>>(async (opened) => {
    const durations = { startMs: 30, stopMs: 30, softStopMs: 30, bootMs: 10 };
    const sandbox = opened.use(await startSandbox({ durations }));
    sandbox.vm.engine.chatty = false;
    const listeners = countListeners();
    const services: Service[] = [await start(sandbox), await start(sandbox)];
    const stopAll = async () => {
      await Promise.all(services.splice(0).map((service) => service.stop()));
    };
    opened.add(stopAll);
    const [read, wake, admin] = await Promise.all([
      sandbox.tokens.read(),
      sandbox.tokens.wake(),
      sandbox.tokens.admin(),
    ]);
    const tokens = { nobody: '', read, wake, admin };
    return {
      sandbox,
      async ask(process, { method, path, caller, body }) {
        const headers = {
          ...(caller !== 'nobody' && { authorization: `Bearer ${tokens[caller]}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          prefer: 'wait=2',
        };
        const response = await fetch(`${services[process]?.url}${path}`, {
          ...{ method, headers, signal: AbortSignal.timeout(60_000) },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        return { status: response.status, text: await response.text() };
      },
      async restart(process) {
        await services[process]?.stop();
        services[process] = await start(sandbox);
      },
      begin: (fault) => faults[fault](sandbox),
      async replaceHostKey() {
        await sandbox.vm.powerOff();
        sandbox.vm.changeHostKey();
        if (sandbox.world.instance.lifecycleState === 'RUNNING') await sandbox.vm.powerOn();
      },
      repair() {
        sandbox.faults.reset();
        sandbox.trustHostKey();
      },
      async end() {
        await stopAll();
        await until(
          'both processes to leave nothing open',
          () => sandbox.vm.connections === 0 && countListeners() <= listeners,
        );
      },
    };
  });
}

/** Of this process, on TCP; what else is open may be the sandbox's. */
function countListeners(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap').length;
}

function start({ env }: Sandbox): Promise<Service> {
  return startServiceHere({
    OCI_TIMEOUT_SECONDS: '1',
    SSH_CONNECT_TIMEOUT_SECONDS: '2',
    SSH_KEEPALIVE_SECONDS: '0.5',
    SHUTDOWN_GRACE_SECONDS: '5',
    ...env,
  });
}

const faults: Readonly<Record<FaultName, (sandbox: Sandbox) => void>> = {
  'ssh-drop': ({ faults }) => Object.assign(faults.ssh, { mode: 'drop' }),
  'ssh-refuse': ({ faults }) => Object.assign(faults.ssh, { mode: 'refuse' }),
  'ssh-freeze': ({ faults }) => Object.assign(faults.ssh, { mode: 'freeze' }),
  'docker-500': ({ faults }) => Object.assign(faults.docker, { status: 500 }),
  'docker-cut': ({ faults }) => Object.assign(faults.docker, { cutsBody: true, times: 2 }),
  'docker-lost-answer': ({ faults }) =>
    Object.assign(faults.docker, {
      ...{ losesAnswer: true, times: 1 },
      only: ({ method }: { readonly method: string }) => method === 'POST',
    }),
  'docker-slow': ({ faults }) => Object.assign(faults.docker, { delayMs: 200 }),
  'oci-500': ({ faults }) => Object.assign(faults.oci, { status: 500 }),
  'oci-throttled': ({ faults }) => Object.assign(faults.oci, { status: 429, times: 3 }),
  'oci-lost-answer': ({ faults }) =>
    Object.assign(faults.oci, {
      ...{ losesAnswer: true, times: 1 },
      only: ({ operation }: { readonly operation: string }) => operation === 'InstanceAction',
    }),
  'oci-reset': ({ faults }) => Object.assign(faults.oci, { resets: true, times: 2 }),
  'issuer-down': ({ faults }) => Object.assign(faults.oidc, { down: true }),
};
