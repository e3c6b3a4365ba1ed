// Collects garbage again and again, for what must come although nobody holds on to it.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag adds to a context

/** Until it is disposed of. */
export function keepCollectingGarbage(): Disposable {
  const timer = setInterval(collectGarbage, 50);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
