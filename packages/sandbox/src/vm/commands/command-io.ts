// The environment of a command of the sandbox's docker: its folder, input and outputs.

import type { Readable } from 'node:stream';

export interface CommandIo {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Readable;
  /** False when the reader is behind; `drained` resolves when it has caught up. */
  stdout(bytes: string | Uint8Array): boolean;
  stderr(text: string): boolean;
  drained(): Promise<void>;
  /** Aborts when the command is killed. */
  readonly signal: AbortSignal;
}
