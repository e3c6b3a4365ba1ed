// sshd on the VM: authenticates the one user, opens sessions and forwards to Docker's socket, by the real protocol.

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ServerChannel } from 'ssh2';
import ssh2, { type AcceptConnection, type Connection, type RejectConnection } from 'ssh2';
import type { EngineControl } from '../engine/engine.ts';
import type { Faults } from '../faults.ts';
import { dockerSockets } from './commands/docker.ts';
import type { Shell } from './commands/shell.ts';
import type { HostKey } from './host-key.ts';

export interface SshServerOptions {
  readonly user: string;
  /** An OpenSSH public key line. */
  readonly authorizedKey: string;
  readonly faults: Faults;
  readonly engine: EngineControl;
  readonly shell: Shell;
}

export interface SshServer {
  /** Speaks SSH on a stream, with this host key; sessions find both ends in SSH_CONNECTION. */
  serve(stream: Duplex, hostKey: HostKey, ends: string): void;
}

const defaultMaxSessions = 10;
const maxAuthTries = 6;
/** OpenSSH sends none unless told to; ssh2 cannot be told, only slowed down. */
const never = 2 ** 31 - 1;

/** Throws when the authorized key is no public key. */
export function createSshServer(options: SshServerOptions): SshServer {
  const key = ssh2.utils.parseKey(options.authorizedKey);
  if (key instanceof Error)
    throw new Error('authorizedKey is not an OpenSSH public key', { cause: key });
  return {
    serve(stream, hostKey, ends) {
      const server = new ssh2.Server(
        {
          hostKeys: [hostKey.privateKey],
          // Clients look for OpenSSH before they use its extensions.
          ident: 'OpenSSH_9.6',
          keepaliveInterval: never,
        },
        (client) => accept(client, key, { ...options, ends }),
      );
      // It never listens itself, so that one port can outlive many of them. A Duplex is all it needs of the socket.
      server.injectSocket(stream as Socket);
    },
  };
}

interface ConnectionOptions extends SshServerOptions {
  readonly ends: string;
}

function accept(client: Connection, key: ssh2.ParsedKey, options: ConnectionOptions): void {
  sayOpenFailed(client);
  client.on('error', () => {});
  let tries = 0;
  client.on('authentication', (context) => {
    if (isAllowed(context, key, options)) {
      context.accept();
      return;
    }
    if (context.method !== 'none') tries += 1;
    if (tries >= maxAuthTries) client.end();
    else context.reject(['publickey']);
  });
  client.on('ready', () => {
    let sessions = 0;
    client.on('session', (open, refuse) => {
      const { exec, maxSessions = defaultMaxSessions } = options.faults.ssh;
      if (exec === false || sessions >= maxSessions) {
        refuse();
        return;
      }
      sessions += 1;
      const session = open();
      session.on('close', () => {
        sessions -= 1;
      });
      serveSession(session, options);
    });
    client.on('openssh.streamlocal', (open, refuse, { socketPath }) => {
      void forward(open, refuse, { ...options, socketPath });
    });
  });
}

function isAllowed(
  context: ssh2.AuthContext,
  key: ssh2.ParsedKey,
  { user, faults }: SshServerOptions,
): boolean {
  if (context.method !== 'publickey' || faults.ssh.auth === 'reject') return false;
  if (context.username !== user || !key.getPublicSSH().equals(context.key.data)) return false;
  // Without a signature the client only asks whether the key would do.
  if (context.signature === undefined || context.blob === undefined) return true;
  return key.verify(context.blob, context.signature, context.hashAlgo) === true;
}

function serveSession(session: ssh2.Session, { shell, ends }: ConnectionOptions): void {
  const env: Record<string, string> = { SSH_CONNECTION: ends };
  let signal: ((name: string) => void) | undefined;
  // As Debian's AcceptEnv.
  session.on('env', (yes, no, { key, val }) => {
    if (!/^(LANG|LC_\w+)$/.test(key)) return void no?.();
    env[key] = val;
    yes?.();
  });
  session.on('signal', (yes, _no, { name }) => {
    signal?.(name);
    yes?.();
  });
  session.on('exec', (yes, _no, { command }) => {
    ({ signal } = shell.run(yes(), { command, env }));
  });
  session.on('shell', (yes) => {
    ({ signal } = shell.run(yes(), { env }));
  });
}

async function forward(
  open: AcceptConnection<ServerChannel>,
  refuse: RejectConnection,
  { faults, engine, socketPath }: SshServerOptions & { readonly socketPath: string },
): Promise<void> {
  if (faults.ssh.forwarding === false || !dockerSockets.has(socketPath)) {
    refuse();
    return;
  }
  const socket = await engine.connect().catch(() => undefined);
  const channel = socket === undefined ? undefined : open();
  if (socket === undefined || channel === undefined) {
    socket?.destroy();
    refuse();
    return;
  }
  channel.on('error', () => {});
  socket.on('error', () => {});
  channel.pipe(socket);
  socket.pipe(channel);
  socket.on('close', () => channel.end());
  channel.on('close', () => socket.destroy());
}

/** OpenSSH says "open failed" where ssh2's server says nothing. */
function sayOpenFailed(client: Connection): void {
  // No public way leads to the text of a refusal.
  const { _protocol: protocol } = client as unknown as {
    readonly _protocol: { channelOpenFail(id: number, reason: number, text: string): void };
  };
  const send = protocol.channelOpenFail.bind(protocol);
  protocol.channelOpenFail = (id, reason, text) => send(id, reason, text || 'open failed');
}
