// The entry point: starts a whole outside world on loopback and returns its addresses.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEd25519Key } from './ed25519-key.ts';
import { createFaults, type Faults } from './faults.ts';
import { createWorld, type World, type WorldOptions } from './instance-state.ts';
import { createKnownHosts } from './known-hosts.ts';
import { createOciCredentials } from './oci/credentials.ts';
import { createOci, type Oci } from './oci/server.ts';
import { createOidc, type Oidc } from './oidc/issuer.ts';
import type { OidcSettings } from './oidc/provider.ts';
import type { Tokens } from './oidc/tokens.ts';
import { createPowerSwitch } from './power-switch.ts';
import type { Shell } from './vm/commands/shell.ts';
import { createVm, type SandboxVm } from './vm/index.ts';

export type {
  DockerFaults,
  DockerSubject,
  FaultScope,
  Faults,
  OciFaults,
  OciSubject,
  OidcFaults,
  OidcSubject,
  SshFaults,
} from './faults.ts';
export { findFreePort } from './free-port.ts';
export type {
  Durations,
  LifecycleState,
  World,
  WorldInstance,
  WorldOptions,
} from './instance-state.ts';
export type { Oci, OciRequest } from './oci/server.ts';
export type { Oidc } from './oidc/issuer.ts';
export type { OidcSettings } from './oidc/provider.ts';
export type { TokenRequest, Tokens } from './oidc/tokens.ts';
export type { Shell } from './vm/commands/shell.ts';
export type { SandboxVm } from './vm/index.ts';
export type { VmUse } from './vm/simulated-use.ts';

export interface SandboxOptions extends WorldOptions {
  readonly oidc?: Partial<OidcSettings>;
  /** Stands between sshd and the VM's shell. */
  readonly aroundShell?: (shell: Shell) => Shell;
}

export interface Sandbox extends AsyncDisposable {
  /** The environment variables that point the server at this world. */
  readonly env: Record<string, string>;
  readonly tokens: Tokens;
  readonly world: World;
  readonly faults: Faults;
  readonly vm: SandboxVm;
  readonly oci: Oci;
  readonly oidc: Oidc;
  /** `shutdown -h now` on the VM: its system is off, OCI goes on saying RUNNING, and the serial console ends in a halt. Starting the instance again ends it. */
  shutDownInside(): Promise<void>;
  /** Makes the known_hosts file vouch for the VM's present key, as its owner would after `vm.changeHostKey()`. */
  trustHostKey(): void;
  /** Ends every listener, connection and timer, and removes every file; may be called again. */
  close(): Promise<void>;
}

/**
 * Resolves when everything answers: OCI, the issuer and, unless `lifecycleState` says otherwise, sshd.
 *
 * @example
 * await using sandbox = await startSandbox();
 * const token = await sandbox.tokens.read();
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const open: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (let end = open.pop(); end !== undefined; end = open.pop()) await end();
  };
  try {
    return await build(options, { close, onClose: (end) => open.push(end) });
  } catch (error) {
    await close();
    throw error;
  }
}

interface Closing {
  readonly close: () => Promise<void>;
  /** Ends run in reverse order. */
  readonly onClose: (end: () => unknown) => void;
}

async function build(options: SandboxOptions, { close, onClose }: Closing): Promise<Sandbox> {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-sandbox-'));
  onClose(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const faults = createFaults();
  const world = createWorld(options);
  const home = join(folder, 'home');
  await mkdir(home);
  const user = 'opc';
  const sshKey = createEd25519Key('ondemand-sandbox');
  const sshKeyFile = join(folder, 'ssh-key');
  await writeFile(sshKeyFile, sshKey.privatePem, { mode: 0o600 });

  // allSettled: what was opened must be known to `onClose` even when its neighbour failed.
  const [credentials, oidc, vm] = await settle(
    createOciCredentials(world, folder),
    opened(createOidc({ faults, ...(options.oidc ? { settings: options.oidc } : {}) }), onClose),
    opened(
      createVm({
        ...{ faults, user, authorizedKey: sshKey.publicLine, home },
        aroundShell: options.aroundShell,
      }),
      onClose,
    ),
  );
  const knownHosts = createKnownHosts({
    file: join(folder, 'known_hosts'),
    world,
    port: vm.port,
    publicKey: vm.hostPublicKey,
  });
  onClose(knownHosts.close);
  const power = createPowerSwitch(world, vm);
  onClose(() => power[Symbol.asyncDispose]());
  const oci = await opened(createOci({ world, faults, credentials }), onClose);
  await power.settled();

  return {
    env: {
      OIDC_ISSUER: oidc.issuer,
      OIDC_AUDIENCE: oidc.audience,
      OIDC_CLIENT_ID: oidc.clients.api.id,
      OIDC_WEB_CLIENT_ID: oidc.clients.web.id,
      OIDC_CLIENT_SECRET: oidc.clients.api.secret,
      OCI_INSTANCE_ID: world.instance.id,
      OCI_AUTH: 'config',
      OCI_CONFIG_FILE: credentials.configFile,
      OCI_CONFIG_PROFILE: 'DEFAULT',
      OCI_ENDPOINT: oci.url,
      OCI_REGION: world.region,
      SSH_PORT: String(vm.port),
      SSH_USER: user,
      SSH_PRIVATE_KEY_FILE: sshKeyFile,
      SSH_KNOWN_HOSTS_FILE: knownHosts.file,
    },
    tokens: oidc.tokens,
    world,
    faults,
    vm,
    oci,
    oidc,
    async shutDownInside() {
      await power.shutDown();
      oci.writeConsole(haltText);
    },
    trustHostKey: () => knownHosts.trust(vm.hostPublicKey),
    close,
    [Symbol.asyncDispose]: close,
  };
}

const haltText =
  '\r\n[  OK  ] Reached target System Power Off.\r\n[  912.345678] reboot: Power down\r\n';

async function opened<T extends AsyncDisposable>(
  opening: Promise<T>,
  onClose: Closing['onClose'],
): Promise<T> {
  const resource = await opening;
  onClose(() => resource[Symbol.asyncDispose]());
  return resource;
}

/** As `Promise.all`, but rejects only after all have ended, one way or the other. */
async function settle<T extends readonly Promise<unknown>[]>(
  ...promises: T
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
