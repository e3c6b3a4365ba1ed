// Collects garbage again and again, for what must come although nobody holds on to it.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag adds to a context

/** Until it is disposed of. Soon at first and then ever more seldom: one takes long in a process of many test files. */
export function keepCollectingGarbage(): Disposable {
  let timer = setTimeout(collect, firstPauseMs, firstPauseMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };

  function collect(pauseMs: number): void {
    collectGarbage();
    timer = setTimeout(collect, 2 * pauseMs, 2 * pauseMs);
  }
}

const firstPauseMs = 50;
