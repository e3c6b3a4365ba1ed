// Makes what an engine sends when it is asked for logs.

/** A frame: stream, three zeros, the size in big endian, the payload. */
export function toFrame(stream: number, text: string | Buffer): Buffer {
  const payload = typeof text === 'string' ? Buffer.from(text) : text;
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** Docker's timestamp, `nanos` after a fixed moment. */
export function toStamp(nanos: number): string {
  const seconds = Math.floor(nanos / 1e9);
  const time = new Date(Date.UTC(2026, 0, 2, 3, 4, 5) + seconds * 1000).toISOString().slice(0, 19);
  return `${time}.${String(nanos % 1e9).padStart(9, '0')}Z`;
}

/** A whole entry: timestamp, text, newline. */
export function toEntry(stream: number, nanos: number, text: string): Buffer {
  return toFrame(stream, `${toStamp(nanos)} ${text}`);
}
