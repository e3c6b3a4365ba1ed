// A log's text as bytes outside the JavaScript heap, handed out piece by piece.

export interface LogText {
  readonly bytes: number;
  /** In order; no piece ends in the middle of a character. */
  pieces(): Iterable<string>;
}

/** What is held of a log counts while it is held; throws when it is too much. Negative for what is let go. */
export type CountBytes = (bytes: number) => void;

export function toLogText(chunks: readonly Uint8Array[]): LogText {
  return {
    bytes: chunks.reduce((sum, { length }) => sum + length, 0),
    *pieces() {
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
      for (const chunk of chunks) {
        for (let start = 0; start < chunk.length; start += pieceBytes) {
          const piece = chunk.subarray(start, start + pieceBytes);
          const text = decoder.decode(piece, { stream: true });
          if (text !== '') yield text;
        }
      }
      const last = decoder.decode();
      if (last !== '') yield last;
    },
  };
}

const pieceBytes = 64 * 1024;
