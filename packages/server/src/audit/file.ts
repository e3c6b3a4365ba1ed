// The audit's file: JSON lines, appended one whole write at a time, read from its end.

import { type FileHandle, open, stat } from 'node:fs/promises';

export interface AuditFile {
  /** Resolves once the lines, each ending in a newline, are on disk; a line that another write left torn is ended first. */
  append(lines: string): Promise<void>;
  /** Rejects when `append` would, as far as that can be told without writing. */
  check(): Promise<void>;
  /** Lines from the last to the first, without blank ones. */
  readBackwards(): AsyncGenerator<string>;
}

/** Opens the file for each use, so that it can be rotated; it is created readable by its owner only. Many processes may append to one. */
export function createAuditFile(path: string): AuditFile {
  const openFile = () => open(path, 'a+', 0o600);
  return {
    async append(lines) {
      await using file = await openFile();
      const { size } = await file.stat();
      const isTorn = size > 0 && (await readRange(file, size - 1, 1))[0] !== newline;
      const bytes = Buffer.from(isTorn ? `\n${lines}` : lines);
      const { bytesWritten } = await file.write(bytes);
      if (bytesWritten < bytes.length) throw new Error('the disk took only a part of the line');
      await file.datasync();
    },
    async check() {
      const file = await openFile();
      await file.close();
    },
    async *readBackwards() {
      await using file = await openFile();
      const { size } = await file.stat();
      let rest = Buffer.alloc(0); // the end of a line whose beginning is not read yet
      for (let end = size; end > 0 && size - end < maxReadBytes; end -= chunkBytes) {
        const start = Math.max(0, end - chunkBytes);
        const bytes = Buffer.concat([await readRange(file, start, end - start), rest]);
        const first = start === 0 ? -1 : bytes.indexOf(newline);
        rest = start === 0 ? rest : first < 0 ? bytes : bytes.subarray(0, first);
        if (start > 0 && first < 0) continue;
        const whole = bytes.subarray(first + 1).toString('utf8');
        yield* whole
          .split('\n')
          .reverse()
          .filter((line) => line !== '');
      }
    },
  };
}

/** A line for each reason why the file cannot be used; creates it. */
export async function checkAuditFile(path: string | undefined): Promise<string[]> {
  if (path === undefined) return [];
  try {
    const found = await stat(path).catch(() => undefined);
    // Opening a pipe would wait for its reader, and none of these can be read back.
    if (found !== undefined && !found.isFile()) return ['AUDIT_LOG_FILE: must be a regular file'];
    await createAuditFile(path).check();
    return [];
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'unknown error';
    return [
      `AUDIT_LOG_FILE: cannot be opened for reading and appending (${code}); its folder must exist`,
    ];
  }
}

async function readRange(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  return buffer.subarray(0, bytesRead);
}

const newline = 0x0a;
const chunkBytes = 64 * 1024;

/** More than the longest answer can need. */
const maxReadBytes = 16 * 1024 * 1024;
