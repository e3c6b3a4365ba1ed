// A failed command of the sandbox's docker: its text on stderr, and its exit code.

/** Thrown anywhere inside a command; its message is the whole last line. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}
