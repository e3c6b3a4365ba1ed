// The API and the outside world in one process, with a record of what reached OCI, Docker and the VM's shell.

import { type SandboxOptions, startSandbox } from '@ondemand/sandbox';
import { openAll } from '../support/disposer.ts';
import { startServiceHere } from '../support/start-service.ts';

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
    const service = await startServiceHere({
      OCI_TIMEOUT_SECONDS: '60',
      SSH_CONNECT_TIMEOUT_SECONDS: '60',
      REBUILD_WAIT_SECONDS: '10', // and a wake's
      ...sandbox.env,
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
      port: Number(new URL(service.url).port),
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
