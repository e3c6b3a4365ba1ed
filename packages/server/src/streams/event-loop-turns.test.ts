import { expect, test } from 'vitest';
import { createTurns } from './event-loop-turns.ts';

test('one runs in each turn of the event loop, in the order in which they asked', () => {
  const turns: (() => void)[] = [];
  const takeTurn = createTurns((run) => turns.push(run));
  const ran: string[] = [];
  takeTurn(() => {
    ran.push('a');
    takeTurn(() => ran.push('a again'));
  });
  for (const name of ['b', 'c']) takeTurn(() => ran.push(name));
  for (const names of [['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'a again']]) {
    expect(turns).toHaveLength(1);
    turns.shift()?.();
    expect(ran).toEqual(names);
  }
  expect(turns).toEqual([]);
});
