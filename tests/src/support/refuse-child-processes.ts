// In the unit lane no test starts a process: it would compete with the tests beside it for the machine.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { afterAll } from 'vitest';

/** Each tells its command; the channel comes before the child knows its own. */
const started: (() => string)[] = [];

subscribe('child_process', onStart);

// The channel is silent about these; only the CommonJS module's properties can be set.
const childProcess: Record<string, unknown> = createRequire(import.meta.url)('node:child_process');
const originals = { ...childProcess };
for (const name of ['spawnSync', 'execFileSync', 'execSync']) {
  const original = originals[name] as (...args: readonly unknown[]) => unknown;
  childProcess[name] = (...args: readonly unknown[]) => {
    started.push(() => String(args[0]));
    return original(...args);
  };
}
syncBuiltinESMExports();

afterAll(() => {
  // The next file of this process sets it again.
  unsubscribe('child_process', onStart);
  Object.assign(childProcess, originals);
  syncBuiltinESMExports();
  const commands = started.splice(0).map((toCommand) => toCommand());
  if (commands.length === 0) return;
  throw new Error(
    `What starts processes belongs in a file named x.system.test.ts; here a test started ${commands.join(', ').slice(0, 300)}`,
  );
});

function onStart(message: unknown): void {
  const { process: child } = message as { process: { spawnargs?: readonly string[] } };
  started.push(() => child.spawnargs?.join(' ') ?? 'a process');
}
