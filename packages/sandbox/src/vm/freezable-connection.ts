// A TCP connection whose bytes can be held back in both directions, as a dead link does.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export interface Link {
  /** What the SSH server sees of the connection. */
  readonly stream: Duplex;
  /** From now on nothing passes; the other side learns nothing, not even of an end. */
  freeze(): void;
  /** What was held back passes now. */
  thaw(): void;
  destroy(): void;
}

/** Passes everything until it is frozen. */
export function createLink(socket: Socket): Link {
  let frozen = false;
  let dead = false;
  const held: (() => void)[] = [];
  const whenThawed = (work: () => void): void => {
    if (frozen) held.push(work);
    else work();
  };
  const stream = new Duplex({
    // As net's own sockets: an end is answered with an end.
    allowHalfOpen: false,
    read: () => {
      if (!frozen) socket.resume();
    },
    write(bytes, _encoding, done) {
      whenThawed(() => {
        if (socket.destroyed || socket.write(bytes)) done();
        else socket.once('drain', () => done());
      });
    },
    final(done) {
      whenThawed(() => {
        socket.end();
        done();
      });
    },
    destroy(error, done) {
      dead = true;
      whenThawed(() => socket.destroy());
      done(error);
    },
  });
  socket.on('data', (bytes) => {
    if (!stream.push(bytes)) socket.pause();
  });
  socket.on('end', () => stream.push(null));
  socket.on('error', () => {});
  socket.on('close', () => stream.destroy());
  return {
    stream,
    freeze() {
      frozen = true;
      socket.pause();
    },
    thaw() {
      frozen = false;
      for (const work of held.splice(0)) work();
      if (dead) socket.destroy();
      else socket.resume();
    },
    destroy() {
      stream.destroy();
      socket.destroy();
    },
  };
}
