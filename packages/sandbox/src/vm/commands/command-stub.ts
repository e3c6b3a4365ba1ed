// The executables `docker` and `docker-compose` on the VM: they carry a command into the sandbox's process and its output back.

import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Frames on the way back: stream number and length, then the bytes; an exit code ends it. */
export const frames = { stdout: 1, stderr: 2, exit: 3, headerBytes: 5 } as const;

/** Writes both into `folder`; they reach the sandbox at `socketPath`. */
export async function writeShims(folder: string, socketPath: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const script = join(folder, '.shim.cjs');
  await writeFile(script, toScript(socketPath));
  for (const tool of ['docker', 'docker-compose']) {
    const file = join(folder, tool);
    await writeFile(
      file,
      `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(script)} ${tool} "$@"\n`,
    );
    await chmod(file, 0o755);
  }
}

/** One word for a POSIX shell, whatever it contains. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

// Plain JavaScript, since it runs on its own and on any Node: nothing here is compiled.
function toScript(socketPath: string): string {
  return `'use strict';
const net = require('node:net');
const [tool, ...argv] = process.argv.slice(2);
const { DOCKER_HOST } = process.env;
const socket = net.connect(${JSON.stringify(socketPath)});
let received = Buffer.alloc(0);
let ended = false;
const write = (stream, bytes) => {
  if (!stream.write(bytes)) {
    socket.pause();
    stream.once('drain', () => socket.resume());
  }
};
socket.on('connect', () => {
  const env = { ...process.env };
  socket.write(JSON.stringify({ tool, argv, cwd: process.cwd(), env }) + '\\n');
  if (argv.includes('dial-stdio')) process.stdin.pipe(socket);
});
socket.on('data', (bytes) => {
  received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
  while (received.length >= ${frames.headerBytes}) {
    const end = ${frames.headerBytes} + received.readUInt32BE(1);
    if (received.length < end) return;
    const payload = received.subarray(${frames.headerBytes}, end);
    if (received[0] === ${frames.stdout}) write(process.stdout, payload);
    if (received[0] === ${frames.stderr}) write(process.stderr, payload);
    if (received[0] === ${frames.exit}) {
      ended = true;
      process.exitCode = payload[0];
      process.stdin.unref?.();
      process.stdin.destroy();
      socket.destroy();
    }
    received = received.subarray(end);
  }
});
socket.on('error', () => {});
socket.on('close', () => {
  if (ended) return;
  process.stderr.write('Cannot connect to the Docker daemon at ' + (DOCKER_HOST ?? 'unix:///var/run/docker.sock') + '. Is the docker daemon running?\\n');
  process.exitCode = 1;
  process.stdin.destroy();
});
process.stdout.on('error', () => socket.destroy());
`;
}
