// What can be wrong on the VM itself: a sshd that is full, strict or dead, a dockerd that is gone, locked away or hangs.

import { once } from 'node:events';
import { chmod, rename } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { createDisposer } from '../support/disposer.ts';
import { expectApiError } from '../support/expect-api-error.ts';
import { until } from '../support/until.ts';
import { addContainers, containers } from './containers.ts';
import { type FaultyServer, startFaultyServer } from './faulty-server.ts';

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
  /** Repairs whatever the expectation came to: the next test needs the VM whole. */
  async function whileBroken({ spoil, repair }: Fault, expectation: () => Promise<unknown>) {
    await spoil();
    try {
      await expectation();
    } finally {
      await repair();
    }
  }
  const configured = (...config: string[]): Fault => ({
    spoil: () => vm.sshd.restart(config),
    repair: () => vm.sshd.restart(),
  });

  describe.sequential('sshd', () => {
    test.sequential('is killed and started again', async () => {
      const dead = { spoil: () => vm.sshd.kill(), repair: () => vm.sshd.start() };
      await whileBroken(dead, () =>
        api.expectUnavailable({ reason: 'CONNECTION_REFUSED', message: /nothing listens/ }),
      );
      await allRecover();
    });

    test.sequential('has too many logins under way (MaxStartups)', async () => {
      await whileBroken(configured('MaxStartups 1'), async () => {
        const login = await beginLogin(vm.sshd.port);
        await api.expectUnavailable({ reason: 'TOO_MANY_CONNECTIONS', message: /MaxStartups/ });
        await login[Symbol.asyncDispose]();
        await api.expectRecovery();
      });
    });

    test.sequential('runs no more commands (MaxSessions), which a rebuild needs and reading does not', async () => {
      const path = `/containers/${containers.orphan}/rebuild`;
      const refused = { reason: 'NO_SESSIONS', message: /MaxSessions 0/ };
      await whileBroken(configured('MaxSessions 0'), async () => {
        await api.expectRecovery();
        await api.expectUnavailable({ method: 'POST', path, ...refused });
        await byCommand.expectUnavailable(refused);
      });
      await allRecover();
      await expectApiError(await api.post(path), 'CONFLICT');
    });

    test.sequential('forbids forwarding: a command relays it, where that is allowed', async () => {
      await whileBroken(configured('AllowStreamLocalForwarding no'), async () => {
        // The first request of all falls back by itself.
        expect((await api.get('/containers')).status).toBe(200);
        await byCommand.expectRecovery();
        const message = /AllowStreamLocalForwarding/;
        await bySocket.expectUnavailable({ reason: 'DOCKER_FORWARDING_FORBIDDEN', message });
      });
      await allRecover();
    });
  });

  describe.sequential('dockerd', () => {
    test.sequential.each([
      [
        'is missing',
        {
          spoil: () => rename(vm.dockerSocket, `${vm.dockerSocket}.away`),
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
          spoil: () => chmod(vm.dockerSocket, 0o600),
          repair: () => chmod(vm.dockerSocket, 0o660),
        },
        {
          reason: 'DOCKER_PERMISSION_DENIED',
          socket: "because of the socket's mode",
          command: 'permissions on the VM do not suffice',
        },
      ],
    ])('its socket %s', async (_what, fault, { reason, socket, command }) => {
      const message = /Docker on oci-flex is not answering/;
      await whileBroken(fault, async () => {
        // What is open already goes on working.
        await vm.sshd.restart();
        const [{ details }] = await Promise.all([
          api.expectUnavailable({ reason, message }),
          bySocket.expectUnavailable({ reason, message }),
          byCommand.expectUnavailable({ reason, message }),
        ]);
        expect(details.transports).toEqual({
          socket: expect.stringContaining(socket),
          'dial-stdio': expect.stringContaining(command),
        });
      });
      await allRecover();
    });

    test.sequential('is killed and started again', async () => {
      const dead = { spoil: () => vm.engine.kill(), repair: () => vm.engine.start() };
      await whileBroken(dead, () =>
        api.expectUnavailable({ reason: 'DOCKER_DOWN', message: /Docker.*nothing listens/ }),
      );
      await allRecover();
    });

    test.sequential('hangs', async () => {
      const hung = {
        spoil: async () => vm.engine.hang(),
        repair: async () => vm.engine.resume(),
      };
      const silent = { reason: 'DOCKER_TIMEOUT', message: /did not answer in time/ };
      await whileBroken(hung, () =>
        Promise.all([
          ...servers().map((server) => server.expectUnavailable(silent)),
          api.expectUnavailable({
            ...silent,
            path: `/containers/${containers.app}/stop`,
            method: 'POST',
          }),
        ]),
      );
      await allRecover();
    });
  });
}

interface Fault {
  readonly spoil: () => Promise<void>;
  readonly repair: () => Promise<void>;
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
