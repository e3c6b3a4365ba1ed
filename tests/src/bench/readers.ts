// Many readers at the same time, and what they cost the VM.

import { dirname, join } from 'node:path';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { startConnectionProxy, startEngineProxy } from '../support/counting-proxies.ts';
import { openAll } from '../support/disposer.ts';
import { startApp } from '../support/start-app.ts';
import { createRestGet } from './http-get.ts';
import { serverEnv } from './server-env.ts';

export interface ConcurrentReaders {
  readonly readers: number;
  /** By a server that has not connected yet; then again by the same one. */
  readonly cold: ConcurrentReadersCost;
  readonly warm: ConcurrentReadersCost;
}

export interface ConcurrentReadersCost {
  readonly sshConnections: number;
  /** Whatever came through to the engine, the ping for its version included. */
  readonly engineCalls: number;
  readonly durationMs: number;
}

/** Readers ask at once, a connection each, and all must be answered. */
export async function measureConcurrentReaders(
  vm: RealVm,
  readers: number,
): Promise<ConcurrentReaders> {
  const opened = await openAll(async (parts) => {
    const ssh = parts.use(await startConnectionProxy(vm.sshd.port));
    const counted = join(dirname(vm.dockerSocket), 'counted.sock');
    const engine = parts.use(await startEngineProxy(counted, vm.dockerSocket));
    const app = parts.use(
      await startApp({
        env: {
          ...vm.env,
          SSH_PORT: String(ssh.port),
          // The known hosts know the port behind the proxy.
          SSH_HOST_KEY_FINGERPRINT: vm.sshd.hostKeyFingerprint,
          DOCKER_SOCKET: engine.socketPath,
          ...serverEnv,
        },
      }),
    );
    return { ssh, engine, app };
  });
  await using world = opened;
  using rest = createRestGet(world.app.url, world.app.tokens.read);
  const ask = async (): Promise<ConcurrentReadersCost> => {
    const before = { ssh: world.ssh.count, engine: world.engine.requests.length };
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: readers }, () => rest.get('/containers')));
    return {
      durationMs: performance.now() - startedMs,
      sshConnections: world.ssh.count - before.ssh,
      engineCalls: world.engine.requests.length - before.engine,
    };
  };
  return { readers, cold: await ask(), warm: await ask() };
}
