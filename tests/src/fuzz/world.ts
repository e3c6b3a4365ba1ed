// The API and the outside world in one process, with a record of what reached OCI, Docker and the VM's shell.

import { existsSync, lstatSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxOptions, startSandbox } from '@ondemand/sandbox';
import { expect } from 'vitest';
import { openAll } from '../support/disposer.ts';
import { startServiceHere } from '../support/start-api-in-this-process.ts';
import { recallReads } from './cache-shell-answers.ts';
import { canary } from './hostile.ts';
import { expectOnlyIntended } from './judge-effects.ts';

export type FuzzWorld = Awaited<ReturnType<typeof startFuzzWorld>>;

export interface Effects {
  /** What would change something: `OCI START`, `POST /containers/…/start`. */
  readonly changes: readonly string[];
  /** Lines that sshd was given. */
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
        aroundShell: recallReads,
        durations: { startMs: hourMs, stopMs: hourMs, softStopMs: hourMs, bootMs: 0 },
      }),
    );
    const { vm } = sandbox;
    const { engine } = vm;
    engine.chatty = false;
    engine.sampleMs = 0;
    engine.add({ name: plainContainer });
    const service = await startServiceHere({
      OCI_TIMEOUT_SECONDS: '60',
      SSH_CONNECT_TIMEOUT_SECONDS: '20', // and a caller has given up after 60
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
    const home = join(folder, 'home');
    const places = [home, folder, process.cwd(), tmpdir(), '/'];
    writeFileSync(join(home, `${canary}-kept`), canary);
    const files = listFiles(home);
    let seenCommands = vm.commands.length;
    /** Since the last time. */
    const takeEffects = (): Effects => {
      const { oci } = sandbox;
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
    };
    return {
      port: Number(new URL(service.url).port),
      url: service.url,
      sandbox,
      tokens: { read, wake, admin },
      /** What no answer may hold. */
      secrets: [read, wake, admin, OIDC_CLIENT_SECRET, 'PRIVATE KEY'],
      /** What no error may tell. */
      folders: [folder, process.cwd()],
      /** No hostile text was run: neither its file is there, nor is any of the VM's another. */
      expectNothingMade(): void {
        expect(places.filter((place) => existsSync(join(place, canary)))).toEqual([]);
        expect(listFiles(home)).toEqual(files);
      },
      /** What comes of the work, and what reached the outside world meanwhile; then the VM is where it began. */
      async during<T>(work: () => Promise<T>) {
        expectOnlyIntended(takeEffects(), []);
        try {
          return { answer: await work(), effects: takeEffects() };
        } finally {
          takeEffects();
          sandbox.world.setLifecycleState(lifecycleState);
        }
      },
    };
  });
}

/** What changes by itself is left out: the sandbox's own, and the API's folder. */
function listFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/^(?:\.sandbox|\.local|bin\/date)(?:\/|$)/.test(name))
    .map((name) => {
      const { size, mtimeMs, mode } = lstatSync(join(folder, name));
      return `${name} ${size} ${mtimeMs} ${mode}`;
    })
    .sort();
}
