// Actions through the API, which count as use until they are written on the VM.

import { describe, expect, test, vi } from 'vitest';
import { setUp, useFakeTime } from '../testing/idle-world.test-support.ts';

useFakeTime();

describe('an action', () => {
  const by = 'restart of web by ana';
  const noted = (secondsAgo = 0) => ({ name: 'actions', at: { secondsAgo }, by });

  test('is kept on the VM, and many at once by one command', async () => {
    const { idle, vm, verdict, pass } = setUp();
    await using _ = idle;
    for (let n = 0; n < 20; n += 1) idle.noteAction(`restart of web-${n} by ana`);
    const { usedBy, signals } = await verdict();
    expect(usedBy).toBe('actions: restart of web-19 by ana');
    expect(signals.find(({ name }) => name === 'actions')?.state).toBe('used');
    await pass(1);
    expect(vm.notes).toEqual([expect.objectContaining({ by: 'restart of web-19 by ana' })]);
  });

  test('after a quiet time is written at once, for another process may be about to stop the VM', async () => {
    const { idle, vm } = setUp();
    await using _ = idle;
    idle.noteAction(by);
    await vi.advanceTimersByTimeAsync(0);
    expect(vm.notes).toEqual([noted()]);
  });

  test('that cannot be written is written once it can, with its own time', async () => {
    const { idle, vm, pass } = setUp();
    await using _ = idle;
    vm.isFull = true;
    idle.noteAction(by);
    await pass(10);
    expect(vm.notes).toEqual([]);
    vm.isFull = false;
    await pass(1);
    expect(vm.notes).toEqual([noted(expect.toSatisfy((ago) => ago >= 600 && ago <= 660))]);
    await pass(10);
    expect(vm.notes).toHaveLength(1);
  });

  test('of a VM that is not connected is written once it is, and dials it not', async () => {
    const { idle, vm, link, pass } = setUp();
    await using _ = idle;
    link.connected = false;
    idle.noteAction(by);
    await pass(10);
    expect(vm.notes).toEqual([]);
    link.connected = true;
    await pass(1);
    expect(vm.notes).toHaveLength(1);
  });

  test('that comes while the one before is written is written after it', async () => {
    const { idle, vm, pass } = setUp();
    await using _ = idle;
    idle.noteAction(by);
    vm.onNote = () => {
      vm.onNote = () => {};
      idle.noteAction('stop of web by ben');
    };
    await pass(1);
    expect(vm.notes).toEqual([noted(), expect.objectContaining({ by: 'stop of web by ben' })]);
  });

  test('is written before the process ends, also where another one is being written', async () => {
    const { idle, vm } = setUp();
    idle.noteAction(by);
    await idle[Symbol.asyncDispose]();
    expect(vm.notes).toEqual([noted()]);
  });

  test('keeps no process that ends, where it cannot be written', async () => {
    const { idle, vm, pass } = setUp();
    vm.isFull = true;
    idle.noteAction(by);
    await idle[Symbol.asyncDispose]();
    idle.noteAction(by);
    vm.isFull = false;
    await pass(60);
    expect(vm.notes).toEqual([]);
  });
});
