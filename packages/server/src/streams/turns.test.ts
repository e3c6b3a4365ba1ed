import { expect, test } from 'vitest';
import { createTurns } from './turns.ts';

test('one runs in each turn of the event loop, in the order in which they asked', () => {
  const turns: (() => void)[] = [];
  const takeTurn = createTurns((run) => turns.push(run));
  const ran: string[] = [];
  const work = (name: string) => () => {
    ran.push(name);
    if (name === 'a' && ran.length < 4) takeTurn(work('a'));
  };
  for (const name of ['a', 'b', 'c']) takeTurn(work(name));
  const seen: string[][] = [];
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    turn();
    seen.push(ran.splice(0));
    expect(turns.length).toBeLessThan(2);
  }
  expect(seen.slice(0, 4)).toEqual([['a'], ['b'], ['c'], ['a']]);
});
