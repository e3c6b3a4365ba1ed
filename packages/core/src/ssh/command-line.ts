// The line that runs a command on the VM so that it can be ended again: sshd delivers no signals to root's commands, and old ones to nobody's.

import { quoteWithEnv } from './quote.ts';

/** A command's line and the mark by which `createPreambleFilter` finds its process id. */
export interface CommandLine {
  readonly line: string;
  readonly mark: string;
}

/**
 * A command without input, with stdout and stderr as one output: over two, sshd would no longer know which piece came first.
 * It first tells its process id, which sshd makes that of its process group as well. Throws `BAD_REQUEST` as `quoteWithEnv` does.
 */
export function toCommandLine(
  argv: readonly string[],
  { env, mark }: { readonly env: Readonly<Record<string, string>>; readonly mark: string },
): CommandLine {
  return { line: `echo ${mark}$$; exec ${quoteWithEnv(argv, env)} </dev/null 2>&1`, mark };
}

/** Asks a process group to end, and kills what is left of it after a grace; goes on by itself when the connection is lost. */
export function toKillLine(pid: number, graceSeconds: number): string {
  const send = (name: string) =>
    `{ kill -s ${name} -- -${pid} || kill -s ${name} ${pid}; } 2>/dev/null`;
  return `${send('TERM')}; sleep ${graceSeconds}; ${send('KILL')}`;
}

const preambleLimit = 4_096;

export interface PreambleFilter {
  add(chunk: Buffer): void;
  /** Call at the end: what was held back for a mark that never came is output after all. */
  end(): void;
}

/** Takes the process id out of an output, and with it whatever the user's start-up files printed before. */
export function createPreambleFilter({
  mark,
  onPid,
  onOutput,
}: {
  readonly mark: string;
  readonly onPid: (pid: number) => void;
  readonly onOutput: (chunk: Buffer) => void;
}): PreambleFilter {
  let held: Buffer | undefined = Buffer.alloc(0);
  const pass = (chunk: Buffer) => {
    held = undefined;
    if (chunk.length > 0) onOutput(chunk);
  };
  return {
    add(chunk) {
      if (held === undefined) return onOutput(chunk);
      held = Buffer.concat([held, chunk]);
      const at = held.indexOf(mark);
      const end = at < 0 ? -1 : held.indexOf('\n', at);
      if (end < 0) {
        if (held.length > preambleLimit) pass(held);
        return;
      }
      const pid = Number(held.subarray(at + mark.length, end).toString('latin1'));
      if (Number.isSafeInteger(pid) && pid > 1) onPid(pid);
      pass(held.subarray(end + 1));
    },
    end() {
      if (held !== undefined) pass(held);
    },
  };
}
