// Any number of processes of the API serve one VM: what one did, the next read of every other shows, however busy it is.

import type { Container, VmState } from '@ondemand/core';
import { expect, test } from 'vitest';
import { openAll } from '../support/disposer.ts';
import { startServer } from '../support/start-api-process.ts';
import { createCaller, startAppHere } from '../support/start-sandbox-and-api.ts';

type Caller = ReturnType<typeof createCaller>;

/** Two processes beside this one, which has the app's own server, on the same world, with readers who never rest. */
async function startThree() {
  return openAll(async (opened) => {
    const app = opened.use(await startAppHere());
    const others: Caller[] = [];
    for (let count = 0; count < 2; count += 1) {
      const server = opened.use(await startServer({ ...app.sandbox.env }));
      others.push(createCaller(server.url, app.tokens));
    }
    for (const each of [app, ...others]) await each.getJson('/containers'); // connected, before it gets busy
    const busy = new AbortController();
    const readers = others.map(readOnAndOn);
    opened.add(async () => {
      busy.abort();
      await Promise.all(readers);
    });
    return { app, others };

    async function readOnAndOn(caller: Caller): Promise<void> {
      while (!busy.signal.aborted) {
        await (await caller.get('/containers')).arrayBuffer();
        await (await caller.get('/vm/status')).arrayBuffer();
      }
    }
  });
}

test('an action through one process is visible to the next read through every other, busy ones too', async () => {
  await using three = await startThree();
  const { app, others } = three;
  for (let round = 0; round < 4; round += 1) {
    const [action, state] = round % 2 ? ['start', 'running'] : ['stop', 'exited'];
    await app.postJson(`/containers/nginx/${action}`);
    const seen = await Promise.all(
      others.map((other) => other.getJson<Container[]>('/containers')),
    );
    for (const list of seen) {
      expect(list.find(({ name }) => name === 'nginx')).toMatchObject({ state });
    }
  }
  await app.postJson('/vm/stop');
  const states = await Promise.all(others.map((other) => other.getJson<VmState>('/vm/status')));
  for (const { lifecycleState } of states) expect(lifecycleState).toMatch(/^STOP/);
});
