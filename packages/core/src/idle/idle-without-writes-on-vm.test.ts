// What the idle stop does while nothing can be written on the VM: it carries over, and stops nothing.

import { expect, test } from 'vitest';
import { full, minute, setUp, useFakeTime } from '../testing/idle-world.test-support.ts';

useFakeTime();

test('a use that cannot be written is carried over, and stops nothing before and after it is', async () => {
  const { idle, vm, notices, failures, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  await pass(50);
  vm.isFull = true;
  vm.observation = { jobs: [{ id: 'j', target: 'web' }] };
  await pass(1);
  const seenAt = Math.floor(Date.now() / 1000) + 3600;
  vm.observation = {};
  await pass(15);
  expect([vm.sent, notices, failures]).toEqual([0, [], [full]]);
  vm.isFull = false;
  await pass(150);
  const [note] = vm.notes as { name: string; at: number }[];
  expect(note).toMatchObject({ name: 'jobs', by: 'job j on web' });
  expect(Math.abs((note?.at ?? 0) - seenAt)).toBeLessThanOrEqual(minute);
  expect(vm.sent).toBe(0);
  await pass(20);
  expect(vm.sent).toBe(1);
});

test('a newer use takes the place of one that is carried over', async () => {
  const { idle, vm, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  vm.isFull = true;
  vm.observation = { jobs: [{ id: 'old', target: 'web' }] };
  await pass(5);
  vm.observation = { jobs: [{ id: 'new', target: 'web' }] };
  await pass(5);
  vm.observation = {};
  vm.isFull = false;
  await pass(2);
  expect(vm.notes).toEqual([expect.objectContaining({ by: 'job new on web' })]);
});

test('an announcement that cannot be written is told to nobody, until it can', async () => {
  const { idle, vm, notices, failures, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  await pass(50);
  vm.isFull = true;
  await pass(60);
  expect([vm.sent, notices, failures]).toEqual([0, [], [full]]);
  vm.isFull = false;
  await pass(4);
  expect([vm.sent, notices.map(({ stage }) => stage)]).toEqual([0, ['announced']]);
  await pass(5);
  expect([vm.sent, notices.map(({ stage }) => stage)]).toEqual([1, ['announced', 'stopping']]);
});

test('a stop that cannot be claimed, as nothing can be written, is not sent, and is complained of', async () => {
  const { idle, vm, failures, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  await pass(58);
  vm.isFull = true;
  await pass(30);
  expect([vm.sent, failures]).toEqual([0, [full]]);
});
