// An action whose answer is lost: success is said only where it is seen, else that nobody knows.

import { afterEach, beforeAll, expect, test } from 'vitest';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { expectApiError } from '../support/expect-api-error.ts';
import { until } from '../support/until.ts';
import type { FaultyServer } from './faulty-server.ts';
import { containers } from './test-containers.ts';

/** What a container is and was asked for, told by someone else than the API. */
interface Witness {
  running(): Promise<boolean>;
  startedAt(): Promise<string>;
  /** How often the program was asked to end. */
  asked(): Promise<number>;
  /** Resolves once it can be asked to end. */
  start(): Promise<unknown>;
}

export function declareLostAnswers(
  getVm: () => RealVm | undefined,
  getApi: () => FaultyServer,
): void {
  let api: FaultyServer;
  let slow: Witness;
  beforeAll(() => {
    const vm = getVm();
    api = getApi();
    slow = vm === undefined ? watchSandbox(api) : watchVm(vm);
  });
  afterEach(() => api.proxy.pass());

  /** Sends the action and comes back once the program of the container has been asked to end. */
  async function begin(action: string) {
    await api.settle();
    await slow.start();
    const [startedAt, before] = await Promise.all([slow.startedAt(), slow.asked()]);
    const answer = api.post(`/containers/${containers.slow}/${action}`);
    await until('the program to end', async () => (await slow.asked()) > before);
    return { answer, startedAt };
  }

  test.sequential.each(['stop', 'restart'])(
    '%s is looked up over a new connection, and its success is seen',
    async (action) => {
      const { answer, startedAt } = await begin(action);
      const before = api.proxy.accepted;
      api.proxy.reset();
      expect(await (await answer).json()).toEqual({
        container: containers.slow,
        action,
        status: 'success',
        changed: true,
      });
      expect(api.proxy.accepted).toBe(before + 1);
      expect(await slow.running()).toBe(action === 'restart');
      expect((await slow.startedAt()) !== startedAt).toBe(action === 'restart');
    },
  );

  test.sequential.each([
    ['restart', 'listens'],
    ['stop', 'passes'],
  ] as const)('%s has an unknown outcome when nothing %s any more', async (...each) => {
    const [action, fault] = each;
    const { answer, startedAt } = await begin(action);
    if (fault === 'listens') await api.proxy.refuse();
    else api.proxy.blackhole();
    const error = await expectApiError(await answer, 'SERVICE_UNAVAILABLE');
    expect(error.message).toMatch(/outcome unknown.*look at its status/);
    const { slow: name } = containers;
    expect(error.details).toMatchObject({ name, outcome: 'unknown', reason: 'OUTCOME_UNKNOWN' });
    await api.proxy.pass();
    await api.expectRecovery();
    // Nobody knew, but it did happen.
    await until(`the ${action} to end`, async () =>
      action === 'stop' ? !(await slow.running()) : (await slow.startedAt()) !== startedAt,
    );
  });

  test.sequential('a stop that is cut off at any moment is never told wrong', async () => {
    const { proxy } = api;
    await api.settle();
    await slow.start();
    const before = proxy.received;
    await api.postJson(`/containers/${containers.slow}/stop`);
    const whole = proxy.received - before;
    const connections = proxy.accepted;
    const told: string[] = [];
    for (const bytes of [whole * 0.5, whole - 600, whole - 300, whole - 100]) {
      await api.settle();
      await slow.start();
      proxy.resetAfter(Math.max(1, bytes));
      const response = await api.post(`/containers/${containers.slow}/stop`);
      await proxy.pass();
      if (response.ok) {
        expect(await response.json()).toMatchObject({ status: 'success', changed: true });
        expect(await slow.running()).toBe(false);
        told.push('success');
        continue;
      }
      const { details } = await expectApiError(response, 'SERVICE_UNAVAILABLE');
      told.push(String(details.outcome ?? 'not done'));
      if (details.outcome === undefined) expect(await slow.running()).toBe(true);
    }
    expect(told).toContain('success');
    // A keepalive's answer more or less in `whole` decides whether the last cuts still come before the end.
    expect(proxy.accepted - connections, 'those in the middle were cut').toBeGreaterThanOrEqual(2);
  });
}

/** Only the sandbox's engine can read a request and then do nothing about it. */
export function declareLostRequest(getApi: () => FaultyServer): void {
  test.sequential('a stop that got lost with its request is no success', async () => {
    const api = getApi();
    const { docker } = api.sandbox.faults;
    const slow = watchSandbox(api);
    await api.settle();
    const before = api.proxy.accepted;
    docker.only = ({ method }) => method === 'POST';
    docker.hangs = true;
    const answer = api.post(`/containers/${containers.slow}/stop`);
    await until('the request', async () => (await slow.asked()) > 0);
    api.proxy.reset();
    const { message, details } = await expectApiError(await answer, 'SERVICE_UNAVAILABLE');
    expect(message).toMatch(/outcome unknown/);
    expect(details.outcome).toBe('unknown');
    expect(await slow.running()).toBe(true);
    expect(api.proxy.accepted).toBe(before + 1);
    api.sandbox.faults.reset();
    await api.expectRecovery();
  });
}

function watchVm(vm: RealVm): Witness {
  const { slow } = containers;
  return {
    running: async () => (await vm.inspect(slow)).State.Running,
    startedAt: async () => (await vm.inspect(slow)).State.StartedAt,
    asked: async () => (await vm.readLog(slow)).split('stopping').length - 1,
    // Before it has set its trap, the first process of a container ignores what asks it to end.
    start: () =>
      until('the program to run', async () => {
        await vm.docker('start', slow); // each time: one that is still stopping is left alone
        return /waiting\s*$/.test(await vm.readLog(slow));
      }),
  };
}

function watchSandbox({ sandbox, postJson }: FaultyServer): Witness {
  const { engine } = sandbox.vm;
  return {
    running: async () => engine.find(containers.slow)?.status === 'running',
    startedAt: async () => String(engine.find(containers.slow)?.startedAt),
    asked: async () =>
      engine.count('POST /containers/{id}/stop') + engine.count('POST /containers/{id}/restart'),
    start: () => postJson(`/containers/${containers.slow}/start`),
  };
}
