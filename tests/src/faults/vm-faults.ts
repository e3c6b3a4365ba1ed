// What can be wrong on the VM itself: a sshd that is full, strict or dead, a dockerd that is gone, locked away or hangs.

import { once } from 'node:events';
import { chmod, rename } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { createDisposer } from '../support/disposer.ts';
import { expectApiError } from '../support/expect-api-error.ts';
import { until } from '../support/until.ts';
import { type FaultyServer, startFaultyServer } from './faulty-server.ts';
import { addContainers, containers } from './test-containers.ts';
import { type Fault, survive } from './under-load.ts';

/** Needs a real VM. */
export function declareVmFaults(): void {
  const opened = createDisposer();
  let vm: RealVm;
  let api: FaultyServer;
  let bySocket: FaultyServer;
  let byCommand: FaultyServer;
  beforeAll(async () => {
    vm = opened.use(await startRealVm());
    await addContainers(vm);
    const start = async (DOCKER_TRANSPORT: string) => {
      // Without the proxy: what sshd does to its connections counts.
      const server = opened.use(
        await startFaultyServer({ vm, env: { ...vm.env, DOCKER_TRANSPORT } }),
      );
      return server;
    };
    [api, bySocket, byCommand] = await Promise.all([
      start('auto'),
      start('socket'),
      start('dial-stdio'),
    ]);
  });
  // What a test did to a connection that hardly lived would count against the next.
  beforeEach(() => Promise.all([api, bySocket, byCommand].map((server) => server.settle())));
  afterAll(() => opened[Symbol.asyncDispose]());

  const servers = () => [api, bySocket, byCommand];
  const allRecover = () => Promise.all(servers().map((server) => server.expectRecovery()));
  /** What `api` is asked goes on meanwhile; the others recover as well. */
  async function whileBroken(
    name: string,
    fault: Omit<Fault, 'part' | 'name'>,
    expectation: () => Promise<unknown>,
  ) {
    await survive(api, { part: 'sshd and dockerd', name, ...fault }, expectation);
    await allRecover();
  }

  describe.sequential('sshd', () => {
    test.sequential('is killed and started again', async () => {
      const refusal = { reason: 'CONNECTION_REFUSED', message: /nothing listens/ };
      await whileBroken(
        'sshd is killed',
        { inject: () => vm.sshd.kill(), repair: () => vm.sshd.start(), refusal },
        () => api.expectRefusal(refusal),
      );
    });

    test.sequential('has too many logins under way (MaxStartups)', async () => {
      // Not under load: whoever else connects first takes the only place.
      await vm.sshd.restart(['MaxStartups 1']);
      try {
        const login = await beginLogin(vm.sshd.port);
        await api.expectRefusal({ reason: 'TOO_MANY_CONNECTIONS', message: /MaxStartups/ });
        await login[Symbol.asyncDispose]();
        await api.expectRecovery();
      } finally {
        await vm.sshd.restart();
      }
      await allRecover();
    });

    test.sequential('runs no more commands (MaxSessions), which a rebuild needs and reading does not', async () => {
      const path = `/containers/${containers.orphan}/rebuild`;
      const refused = { reason: 'NO_SESSIONS', message: /MaxSessions 0/ };
      const noCommands = {
        inject: () => vm.sshd.restart(['MaxSessions 0']),
        repair: () => vm.sshd.restart(),
      };
      await whileBroken('sshd runs no commands', noCommands, async () => {
        await api.expectRecovery();
        await api.expectRefusal({ method: 'POST', path, ...refused });
        await byCommand.expectRefusal(refused);
      });
      await expectApiError(await api.post(path), 'CONFLICT');
    });

    test.sequential('forbids forwarding: a command relays it, where that is allowed', async () => {
      await vm.sshd.restart(['AllowStreamLocalForwarding no']);
      try {
        // The first request of all falls back by itself.
        expect((await api.get('/containers')).status).toBe(200);
        await byCommand.expectRecovery();
        const message = /AllowStreamLocalForwarding/;
        await bySocket.expectRefusal({ reason: 'DOCKER_FORWARDING_FORBIDDEN', message });
      } finally {
        await vm.sshd.restart();
      }
      await allRecover();
    });
  });

  describe.sequential('dockerd', () => {
    test.sequential.each([
      [
        'is missing',
        {
          inject: () => rename(vm.dockerSocket, `${vm.dockerSocket}.away`),
          repair: () => rename(`${vm.dockerSocket}.away`, vm.dockerSocket),
        },
        {
          reason: 'DOCKER_SOCKET_MISSING',
          socket: 'no such file as DOCKER_SOCKET',
          command: 'check that the Docker daemon runs',
        },
      ],
      [
        'may not be used',
        {
          inject: () => chmod(vm.dockerSocket, 0o600),
          repair: () => chmod(vm.dockerSocket, 0o660),
        },
        {
          reason: 'DOCKER_PERMISSION_DENIED',
          socket: "because of the socket's mode",
          command: 'permissions on the VM do not suffice',
        },
      ],
    ])('its socket %s', async (what, fault, { reason, socket, command }) => {
      const message = /Docker on oci-flex is not answering/;
      const refusal = { reason, message };
      await whileBroken(`Docker's socket ${what}`, { ...fault, refusal }, async () => {
        // What is open already goes on working.
        await vm.sshd.restart();
        // What was under way before the restart asked the socket alone, and others may share its answer.
        const bothWays = until('both ways to be told', async () => {
          const { details } = await api.expectRefusal(refusal);
          expect(details.transports).toEqual({
            socket: expect.stringContaining(socket),
            'dial-stdio': expect.stringContaining(command),
          });
          return true;
        });
        await Promise.all([
          bothWays,
          bySocket.expectRefusal(refusal),
          byCommand.expectRefusal(refusal),
        ]);
      });
    });

    test.sequential('is killed and started again', async () => {
      const refusal = { reason: 'DOCKER_DOWN', message: /Docker.*nothing listens/ };
      await whileBroken(
        'dockerd is killed',
        { inject: () => vm.engine.kill(), repair: () => vm.engine.start(), refusal },
        () => api.expectRefusal(refusal),
      );
    });

    test.sequential('hangs', async () => {
      const silent = { reason: 'DOCKER_TIMEOUT', message: /did not answer in time/ };
      const hung = {
        inject: () => vm.engine.hang(),
        repair: () => vm.engine.resume(),
        refusal: silent,
      };
      await whileBroken('dockerd hangs', hung, () =>
        Promise.all([
          ...servers().map((server) => server.expectRefusal(silent)),
          api.expectRefusal({
            ...silent,
            path: `/containers/${containers.app}/stop`,
            method: 'POST',
          }),
        ]),
      );
    });
  });
}

/** A client that has connected and never says who it is; waits until sshd has room for it. */
async function beginLogin(port: number): Promise<AsyncDisposable> {
  return until('the login that has begun', async () => {
    const socket = connect({ host: '127.0.0.1', port });
    const [greeting] = (await once(socket, 'data')) as [Buffer]; // a socket emits nothing else
    if (greeting.toString().startsWith('SSH-2.0-')) {
      return { [Symbol.asyncDispose]: async () => void socket.destroy() };
    }
    socket.destroy();
    return undefined;
  });
}
