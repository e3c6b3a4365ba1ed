// Where the VM is: a name that does not resolve, no address at all, and another one after a start.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeRealEngine } from '../real-engine/real-engine-problem.ts';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { createDisposer } from '../support/disposer.ts';
import { until } from '../support/until.ts';
import { type FaultyServer, startFaultyServer } from './faulty-server.ts';
import { survive } from './under-load.ts';

export function declareAddressFaults(getVm: () => RealVm | undefined): void {
  const opened = createDisposer();
  let unresolved: FaultyServer;
  let api: FaultyServer;
  beforeAll(async () => {
    const vm = getVm();
    const start = async (SSH_HOST: string | undefined) => {
      const server = opened.use(
        await startFaultyServer({
          vm,
          env: { SSH_HOST },
          sandbox: { durations: { startMs: 200, stopMs: 200, bootMs: 0 } },
        }),
      );
      return server;
    };
    unresolved = await start('oci-flex.invalid');
    api = await start(undefined);
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  // A process cannot be given another name server: its repair is a restart with another SSH_HOST.
  test.sequential('a host name that does not resolve', async () => {
    await unresolved.expectRefusal({
      reason: 'DNS_FAILED',
      message: /does not resolve.*SSH_HOST/,
    });
    expect(unresolved.proxy.accepted).toBe(0);
  });

  test.sequential('a VM without a public IP', async () => {
    const { world } = api.sandbox;
    await survive(api, {
      ...{ part: 'The VM', name: 'it has no public IP' },
      inject: () => {
        world.setPublicIp(undefined);
        api.proxy.reset();
      },
      repair: () => world.setPublicIp('127.0.0.1'),
      refusal: { reason: 'NO_PUBLIC_IP', message: /no public IP.*SSH_HOST/ },
    });
  });

  // The sandbox's VM moves by itself; tests/src/whole-product/power.test.ts follows it.
  describeRealEngine('a VM that was stopped', () => {
    test.sequential('is found again after a start with another IP', async () => {
      const { world } = api.sandbox;
      await api.settle();
      await api.postJson('/vm/stop');
      await api.proxy.refuse();
      await until('the VM to be off', () => world.instance.lifecycleState === 'STOPPED');
      const { details } = await api.expectRefusal({
        message: /not running \(STOPPED\).*POST \/vm\/start/,
      });
      expect(details.lifecycleState).toBe('STOPPED');

      world.setPublicIp('127.0.0.2');
      await api.postJson('/vm/start');
      await until('the VM to run', () => world.instance.lifecycleState === 'RUNNING');
      await api.expectRefusal({ reason: 'CONNECTION_REFUSED', message: /has booted/ });
      await api.proxy.pass({ host: '127.0.0.2' });
      await api.expectRecovery();
    });
  });
}
