// Many readers at the same time, and what they cost the VM and OCI.

import { dirname, join } from 'node:path';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { startConnectionProxy, startEngineProxy } from '../support/counting-proxies.ts';
import { openAll } from '../support/disposer.ts';
import { createRestClient } from '../support/http-client.ts';
import { startApp } from '../support/start-sandbox-and-api.ts';
import { atMost, type Row, type Section } from './report.ts';
import { serverEnv } from './server-env.ts';

const readers = 1000;

interface Cost {
  readonly sshConnections: number;
  /** Whatever came through to the engine, the ping for its version included. */
  readonly engineCalls: number;
  readonly ociRequests: number;
}

/** Readers ask at once, a connection each, and all must be answered. */
export async function measureReaders(vm: RealVm): Promise<Section> {
  await using world = await startCountedWorld(vm);
  using rest = createRestClient(world.app.url, world.app.tokens.read);
  const ask = async (path: string): Promise<Cost> => {
    const before = world.count();
    await Promise.all(Array.from({ length: readers }, () => rest.get(path)));
    const after = world.count();
    return {
      sshConnections: after.sshConnections - before.sshConnections,
      engineCalls: after.engineCalls - before.engineCalls,
      ociRequests: after.ociRequests - before.ociRequests,
    };
  };
  const cold = await ask('/containers');
  const warm = await ask('/containers');
  const status = await ask('/vm/status');
  const again = await ask('/vm/status');
  return {
    title: `${readers} readers at once`,
    about:
      'A connection each. Counted by proxies before `dockerd` and `sshd` and by the stand-in for OCI; the first of four rounds meets an API that is not connected yet.',
    rows: [
      ...toRows('`GET /containers`, not yet connected', cold, 1),
      ...toRows('`GET /containers`, connected', warm, 0),
      ...toRows('`GET /vm/status`', status, 0),
      ...toRows('`GET /vm/status`, again', again, 0),
    ],
  };
}

function toRows(what: string, cost: Cost, mostConnections: number): readonly Row[] {
  const row = (name: string, count: number, most: number): Row => ({
    what: `${what}: ${name}`,
    measured: String(count),
    target: atMost(most, count),
  });
  return [
    row('Engine calls', cost.engineCalls, 4),
    row('OCI requests', cost.ociRequests, 5),
    row('new SSH connections', cost.sshConnections, mostConnections),
  ];
}

function startCountedWorld(vm: RealVm) {
  return openAll(async (parts) => {
    const ssh = parts.use(await startConnectionProxy(vm.sshd.port));
    const counted = join(dirname(vm.dockerSocket), 'counted.sock');
    const engine = parts.use(await startEngineProxy(counted, vm.dockerSocket));
    const env = {
      ...vm.env,
      SSH_PORT: String(ssh.port),
      // The known hosts know the port behind the proxy.
      SSH_HOST_KEY_FINGERPRINT: vm.sshd.hostKeyFingerprint,
      DOCKER_SOCKET: engine.socketPath,
      ...serverEnv,
    };
    const app = parts.use(await startApp({ env }));
    const count = (): Cost => ({
      sshConnections: ssh.count,
      engineCalls: engine.requests.length,
      ociRequests: app.sandbox.oci.requests.length,
    });
    return { app, count };
  });
}
