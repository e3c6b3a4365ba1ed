// The line that runs a command on the VM: whatever the login shell is, whatever its start-up files print, and so that the command can be ended again.

import { quote, unquoteScript, withEnv } from './quote.ts';

/** A command's line and the marker by which `createPreambleFilter` finds where its output begins. */
export interface CommandLine {
  readonly line: string;
  readonly marker: string;
}

export interface CommandLineOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Occurs nowhere else. */
  readonly marker: string;
}

/**
 * A command without input, with stdout and stderr as one output: over two, sshd would no longer know which piece came first.
 * It first tells its process id, which sshd makes that of its process group as well: sshd delivers no signals to root's commands, and old ones to nobody's.
 * Throws `BAD_REQUEST` as `quote` and `withEnv` do.
 */
export function toCommandLine(
  argv: readonly string[],
  { env = {}, marker }: CommandLineOptions,
): CommandLine {
  const script = `${unquoteScript}; exec 2>&1; echo "$1$$" || exit; shift; exec "$@" </dev/null`;
  return {
    line: `${toShellLine(script)} ondemand ${quote([marker])} ${quote(withEnv(argv, env))}`,
    marker,
  };
}

/** A command whose stdin and stdout serve as a stream; the marker is printed on stdout and on stderr. Throws as `toCommandLine` does. */
export function toStreamLine(
  argv: readonly string[],
  { env = {}, marker }: CommandLineOptions,
): CommandLine {
  const script = `${unquoteScript}; echo "$1$$" >&2; echo "$1$$" || exit; shift; exec "$@"`;
  return {
    line: `${toShellLine(script)} ondemand ${quote([marker])} ${quote(withEnv(argv, env))}`,
    marker,
  };
}

/** Asks a process group to end, and kills what is left of it after a grace; goes on by itself when the connection is lost. */
export function toKillLine(pid: number, graceSeconds: number): string {
  const send = (name: string) =>
    `{ kill -s ${name} -- -${pid} || kill -s ${name} ${pid}; } 2>/dev/null`;
  return toShellLine(`${send('TERM')}; sleep ${graceSeconds}; ${send('KILL')}`);
}

/** `exec`, so that no login shell stays between sshd and the command. The script is passed on as it is: it has no single quote, `!`, backslash or newline. */
function toShellLine(script: string): string {
  return `exec sh -c '${script}'`;
}

/** What of a preamble is kept, to tell what is in the way. */
const saidLimit = 4_096;

export interface PreambleFilter {
  add(chunk: Buffer): void;
  /** Whether the marker has been seen. */
  readonly begun: boolean;
  /** The beginning of the output before the marker: of start-up files, or of whatever runs in place of the command. */
  readonly said: string;
}

/** Drops everything up to and including the line with the marker; its process id goes to `onBegin`. */
export function createPreambleFilter({
  marker,
  onBegin = () => {},
  onOutput,
}: {
  readonly marker: string;
  readonly onBegin?: (pid: number) => void;
  readonly onOutput: (chunk: Buffer) => void;
}): PreambleFilter {
  let begun = false;
  let said = '';
  let held: Buffer = Buffer.alloc(0);
  return {
    get begun() {
      return begun;
    },
    get said() {
      return said;
    },
    add(chunk) {
      if (begun) return onOutput(chunk);
      said = `${said}${chunk.toString('utf8')}`.slice(0, saidLimit);
      held = Buffer.concat([held, chunk]);
      const found = findMarker(held, marker);
      if (found.pid === undefined) {
        held = held.subarray(found.at);
        return;
      }
      const output = held.subarray(found.end);
      begun = true;
      held = Buffer.alloc(0);
      onBegin(found.pid);
      if (output.length > 0) onOutput(output);
    },
  };
}

type MarkerSearch =
  | { readonly pid: number; readonly end: number }
  /** Where to go on once more has come. */
  | { readonly pid?: undefined; readonly at: number };

/** Finds the marker with a process id and a line end: a forced command that merely echoes the command's line prints it without. */
function findMarker(held: Buffer, marker: string): MarkerSearch {
  for (let from = 0; ; ) {
    const at = held.indexOf(marker, from);
    if (at < 0) return { at: Math.max(from, held.length - marker.length) };
    const rest = held.subarray(at + marker.length, at + marker.length + 16).toString('latin1');
    const [line, pid] = /^(\d{1,10})\r?\n/.exec(rest) ?? [];
    if (line !== undefined) return { pid: Number(pid), end: at + marker.length + line.length };
    if (/^\d{0,10}\r?$/.test(rest)) return { at };
    from = at + 1;
  }
}
