// `docker system dial-stdio`: stdin and stdout become a connection to the engine.

import type { EngineControl } from '../../engine/engine.ts';
import type { CommandIo } from './command-io.ts';

/** Ends when the engine ends the connection, with exit code 0; passes on the end of stdin. */
export async function dialStdio(engine: EngineControl, io: CommandIo): Promise<number> {
  const socket = await engine.connect();
  const kill = (): void => void socket.destroy();
  io.signal.addEventListener('abort', kill);
  try {
    socket.on('error', kill);
    io.stdin.pipe(socket);
    socket.on('data', (bytes) => {
      if (io.stdout(bytes)) return;
      socket.pause();
      void io.drained().then(() => socket.resume());
    });
    // `end` first: after it stdin may still be open, and nobody would close the socket.
    await new Promise<void>((resolve) => {
      socket.once('end', () => resolve());
      socket.once('close', () => resolve());
    });
    return 0;
  } finally {
    io.signal.removeEventListener('abort', kill);
    socket.destroy();
  }
}
