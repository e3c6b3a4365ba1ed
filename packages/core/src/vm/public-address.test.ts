import { expect, test } from 'vitest';
import { createVm } from './vm.ts';

function setUp() {
  const world = { etag: '1', state: 'RUNNING' as const, ip: '203.0.113.7', nowMs: 0 };
  const asked = { instance: 0, address: 0 };
  const vm = createVm({
    compute: {
      async getInstance() {
        asked.instance += 1;
        return { lifecycleState: world.state, displayName: 'vm', etag: world.etag };
      },
      async getPublicIp() {
        asked.address += 1;
        return world.ip === '' ? undefined : world.ip;
      },
      act: async () => {},
    },
    clock: { now: () => new Date(0), elapsedMs: () => world.nowMs },
    link: { connected: true, drop() {} },
  });
  return { vm, world, asked };
}

test('the address is looked up once for an instance that stays as it is', async () => {
  const { vm, asked } = setUp();
  for (let times = 0; times < 5; times += 1)
    expect(await vm.status()).toMatchObject({ ip: '203.0.113.7' });
  expect(asked).toEqual({ instance: 5, address: 1 });
});

test.each([
  ['has another ETag', { etag: '2' }],
  ['is in another state', { state: 'STOPPING' }],
  ['was looked at a second ago', { nowMs: 1000 }],
])('the address is looked up again when the VM %s, and then kept again', async (_, change) => {
  const { vm, world, asked } = setUp();
  await vm.status();
  Object.assign(world, change, { ip: '203.0.113.8' });
  for (let times = 0; times < 3; times += 1)
    expect(await vm.status()).toMatchObject({ ip: '203.0.113.8' });
  expect(asked.address).toBe(2);
});

test('an address that is read again and again is still looked up once a second', async () => {
  const { vm, world, asked } = setUp();
  for (let times = 0; times < 13; times += 1) {
    await vm.status();
    world.nowMs += 200;
  }
  expect(asked.address).toBe(3);
});

test('an address that was not there is looked for each time', async () => {
  const { vm, world } = setUp();
  world.ip = '';
  expect(await vm.status()).not.toHaveProperty('ip');
  world.ip = '203.0.113.9';
  expect(await vm.status()).toMatchObject({ ip: '203.0.113.9' });
});
