// The server that the VM's `docker` executables connect to: a private unix socket, one connection a command.

import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import type { CommandIo } from './command-io.ts';
import { frames } from './command-stub.ts';

export interface CommandCall {
  readonly tool: 'docker' | 'docker-compose';
  readonly argv: readonly string[];
  readonly io: CommandIo;
}

export interface CommandServer {
  open(): Promise<void>;
  /** Kills the commands under way and removes the socket. */
  close(): Promise<void>;
}

/** Calls `run` for each command; what it resolves to is the exit code. */
export function createCommandServer(
  socketPath: string,
  run: (call: CommandCall) => Promise<number>,
): CommandServer {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  return {
    async open() {
      await rm(socketPath, { force: true });
      const opened = createServer({ allowHalfOpen: true }, (socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        socket.on('error', () => {});
        serve(socket, run);
      });
      server = opened;
      await new Promise<void>((resolve, reject) => {
        opened.once('error', reject);
        opened.listen(socketPath, resolve);
      });
    },
    async close() {
      const closing = server;
      server = undefined;
      for (const socket of sockets) socket.destroy();
      if (closing !== undefined) await new Promise((resolve) => closing.close(resolve));
    },
  };
}

function serve(socket: Socket, run: (call: CommandCall) => Promise<number>): void {
  let head = Buffer.alloc(0);
  const onData = (bytes: Buffer): void => {
    head = Buffer.concat([head, bytes]);
    const end = head.indexOf(0x0a);
    if (end === -1) return;
    socket.off('data', onData);
    socket.pause();
    const call: unknown = JSON.parse(head.toString('utf8', 0, end));
    void execute(socket, { call, rest: head.subarray(end + 1), run });
  };
  socket.on('data', onData);
}

interface Execution {
  readonly call: unknown;
  /** What came after the first line: the start of stdin. */
  readonly rest: Buffer;
  readonly run: (call: CommandCall) => Promise<number>;
}

async function execute(socket: Socket, { call, rest, run }: Execution): Promise<void> {
  const killed = new AbortController();
  socket.on('close', () => killed.abort());
  const stdin = new PassThrough();
  if (rest.length > 0) stdin.write(rest);
  socket.pipe(stdin);
  // The shim of this sandbox wrote it, in exactly this form.
  const { tool, argv, cwd, env } = call as Omit<CommandCall, 'io'> & Pick<CommandIo, 'cwd' | 'env'>;
  const io: CommandIo = {
    cwd,
    env,
    stdin,
    stdout: (bytes) => send(socket, frames.stdout, Buffer.from(bytes)),
    stderr: (text) => send(socket, frames.stderr, Buffer.from(text)),
    drained: () => drained(socket),
    signal: killed.signal,
  };
  let exitCode: number;
  try {
    exitCode = await run({ tool, argv, io });
  } catch (error) {
    io.stderr(`${error instanceof Error ? error.message : String(error)}\n`);
    exitCode = 1;
  }
  send(socket, frames.exit, Buffer.from([exitCode]));
  socket.end();
}

function send(socket: Socket, stream: number, bytes: Buffer): boolean {
  if (!socket.writable) return true;
  const header = Buffer.alloc(frames.headerBytes);
  header[0] = stream;
  header.writeUInt32BE(bytes.length, 1);
  return socket.write(Buffer.concat([header, bytes]));
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
    if (socket.destroyed || !socket.writableNeedDrain) done();
  });
}
