// The API and the outside world in one process, with a record of what reached OCI, Docker and the VM's shell.

import { type SandboxOptions, startSandbox } from '@ondemand/sandbox';
import { readConfiguration } from '@ondemand/server';
// The service is what the process runs, and no part of the package's entry point.
import { createLogger } from '../../../packages/server/dist/process/logger.js';
import { startService } from '../../../packages/server/dist/process/service.js';
import { openAll } from '../support/disposer.ts';
import { findFreePort } from '../support/free-port.ts';

export type FuzzWorld = Awaited<ReturnType<typeof startFuzzWorld>>;

export interface Effects {
  /** What would change something: `OCI START`, `POST /containers/…/start`. */
  readonly changes: readonly string[];
  readonly commands: readonly string[];
}

const deletion = 'DeleteConsoleHistory';
const hourMs = 3_600_000;

/** A container without compose labels, which a rebuild refuses. */
export const plainContainer = 'plain';

/** A transition lasts for ever, so that `restore()` finds the VM as it was. */
export function startFuzzWorld({ lifecycleState = 'RUNNING' }: SandboxOptions = {}) {
  return openAll(async (opened) => {
    const sandbox = opened.use(
      await startSandbox({
        lifecycleState,
        durations: { startMs: hourMs, stopMs: hourMs, softStopMs: hourMs, bootMs: 0 },
      }),
    );
    const { engine } = sandbox.vm;
    engine.chatty = false;
    engine.add({ name: plainContainer });
    const port = await findFreePort();
    const environment = {
      HOST: '127.0.0.1',
      PORT: String(port),
      RATE_LIMIT_PER_MINUTE: '0',
      OCI_TIMEOUT_SECONDS: '60',
      SSH_CONNECT_TIMEOUT_SECONDS: '60',
      REBUILD_WAIT_SECONDS: '10', // and a wake's
      ...sandbox.env,
    };
    const { config, problems } = await readConfiguration(environment, undefined);
    if (config === undefined) throw new Error(problems.join('\n'));
    const level = process.env.FUZZ_LOG ?? 'silent';
    const service = await startService(config, {
      logger: await createLogger({ level, isTerminal: false }),
    });
    opened.add(() => service.stop());
    const [read, wake, admin] = await Promise.all([
      sandbox.tokens.read(),
      sandbox.tokens.wake(),
      sandbox.tokens.admin(),
    ]);
    const { OIDC_CLIENT_SECRET = '', SSH_PRIVATE_KEY_FILE = '' } = sandbox.env;
    const folder = SSH_PRIVATE_KEY_FILE.replace(/\/[^/]*$/, '');
    let seenCommands = 0;
    return {
      port,
      url: service.url,
      sandbox,
      tokens: { read, wake, admin },
      /** What no answer may hold. */
      secrets: [read, wake, admin, OIDC_CLIENT_SECRET, 'PRIVATE KEY'],
      /** What no error may tell. */
      folders: [folder, process.cwd()],
      /** Since the last time. */
      takeEffects(): Effects {
        const { oci, vm } = sandbox;
        const changes = [
          ...oci.requests
            // A capture of the console is deleted after its answer.
            .filter(({ method, operation }) => method !== 'GET' && operation !== deletion)
            .map(({ operation, action }) => `OCI ${action ?? operation}`),
          ...vm.engine.requests
            .filter(({ method }) => method !== 'GET')
            .map(({ method, path }) => `${method} ${path}`),
        ];
        const commands = vm.commands.slice(seenCommands);
        seenCommands = vm.commands.length;
        oci.clear();
        vm.engine.forgetRequests();
        return { changes, commands };
      },
      /** Brings the VM back to where it began. */
      restore: () => sandbox.world.setLifecycleState(lifecycleState),
    };
  });
}
