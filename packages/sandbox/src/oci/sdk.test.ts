import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigFileAuthenticationDetailsProvider, SessionAuthDetailProvider } from 'oci-common';
import { ComputeClient, models, VirtualNetworkClient } from 'oci-core';
import { expect, test } from 'vitest';
import { createFaults } from '../faults.ts';
import { createWorld } from '../instance-state.ts';
import { createOciCredentials } from './credentials.ts';
import { createOci } from './server.ts';

async function startOci() {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-sdk-test-'));
  const world = createWorld({ durations: { startMs: 10, stopMs: 10, softStopMs: 10 } });
  const credentials = await createOciCredentials(world, folder);
  const oci = await createOci({ world, faults: createFaults(), credentials });
  const connect = (authenticationDetailsProvider: ConfigFileAuthenticationDetailsProvider) => {
    const compute = new ComputeClient({ authenticationDetailsProvider });
    const network = new VirtualNetworkClient({ authenticationDetailsProvider });
    compute.endpoint = oci.url;
    network.endpoint = oci.url;
    return { compute, network };
  };
  return {
    world,
    oci,
    connect,
    configFile: credentials.configFile,
    async [Symbol.asyncDispose]() {
      await oci[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

test('Oracle’s own SDK reads, acts on and captures the console of the instance', async () => {
  await using app = await startOci();
  const { compute, network } = app.connect(
    new ConfigFileAuthenticationDetailsProvider(app.configFile, 'DEFAULT'),
  );
  const { id: instanceId, compartmentId } = app.world.instance;

  const { instance, etag } = await compute.getInstance({ instanceId });
  expect(instance).toMatchObject({ id: instanceId, lifecycleState: 'RUNNING' });

  const { items } = await compute.listVnicAttachments({ compartmentId, instanceId });
  const attached = items.find(({ lifecycleState }) => lifecycleState === 'ATTACHED');
  const { vnic } = await network.getVnic({ vnicId: attached?.vnicId ?? '' });
  expect(vnic).toMatchObject({ isPrimary: true, publicIp: '127.0.0.1' });

  const captured = await compute.captureConsoleHistory({
    captureConsoleHistoryDetails: { instanceId },
  });
  const instanceConsoleHistoryId = captured.consoleHistory.id;
  await compute.getConsoleHistory({ instanceConsoleHistoryId });
  const { consoleHistory } = await compute.getConsoleHistory({ instanceConsoleHistoryId });
  expect(consoleHistory.lifecycleState).toBe(models.ConsoleHistory.LifecycleState.Succeeded);
  await compute.deleteConsoleHistory({ instanceConsoleHistoryId });

  const ifMatch = etag;
  const stopped = await compute.instanceAction({ instanceId, action: 'STOP', ifMatch });
  expect(stopped.instance.lifecycleState).toBe('STOPPING');
  expect(stopped.etag).not.toBe(etag);
  await expect.poll(() => app.world.instance.lifecycleState).toBe('STOPPED');
});

test('a session token is as good as an API key', async () => {
  await using app = await startOci();
  const { compute } = app.connect(new SessionAuthDetailProvider(app.configFile, 'SESSION'));
  const { instance } = await compute.getInstance({ instanceId: app.world.instance.id });
  expect(instance.lifecycleState).toBe('RUNNING');
});
