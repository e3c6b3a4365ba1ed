// The VM over a connection of the diagnosis's own, which is made anew each time, and which the idle stop knows for the API's.

import { randomBytes } from 'node:crypto';
import {
  createComposeCheck,
  createEngine,
  createHostFacts,
  createIdleHost,
  createShell,
  type DiagnosisVm,
} from '@ondemand/core';
import { waitAtMost } from '../auth/wait-at-most.ts';
import type { Config } from '../config/variables.ts';
import { createConnection, engineOptions } from '../process/adapters.ts';

/** Nothing is opened before its first call. */
export function openVm(config: Config, host: string): DiagnosisVm {
  let registered: Promise<void> | undefined;
  const connection = createConnection(config, {
    resolveHost: async () => host,
    onEvent({ type }) {
      if (type === 'connected') registered = register();
    },
  });
  const engine = createEngine({ ...engineOptions(config), channels: connection });
  const findCompose = createComposeCheck({
    shell: createShell(connection),
    composeCommand: config.COMPOSE_COMMAND,
  });
  const idleHost = createIdleHost({ connection, processId: randomBytes(16).toString('hex') });

  return {
    address: (options) => connection.address(options),
    readDocker: (options) => engine.readFacts(options),
    findCompose,
    readHost: createHostFacts({ connection }),
    async [Symbol.asyncDispose]() {
      if (registered !== undefined) await waitAtMost(registered.then(unregister), registerMs);
      await engine[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
    },
  };

  /** Or it would be taken for a person's, which is use. */
  async function register(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // once the connection can be used
    await idleHost.register({}).catch(() => {}); // what is wrong there is what the diagnosis tells
  }

  /** Or one file for each diagnosis would stay there, where no idle stop clears them away. */
  async function unregister(): Promise<void> {
    if (connection.connected) await idleHost.unregister().catch(() => {});
  }
}

const registerMs = 2000;
