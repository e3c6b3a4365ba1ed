// A command's output: results to stdout, everything else to stderr, nothing but JSON to stdout under --json.

import { once } from 'node:events';
import type { ErrorBody } from '../json-error.ts';
import { toJson } from './json.ts';
import { toOneLine } from './printable.ts';
import { createScreen, type Screen } from './screen.ts';
import { type Spinner, startSpinner } from './spinner.ts';
import { type ColourEnvironment, createStyle, type Style, wantsColours } from './style.ts';

export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

export interface Output {
  /** Whether results are JSON. */
  readonly json: boolean;
  /** Whether a person sees stdout as it comes. */
  readonly isTerminal: boolean;
  /** Whether a person sees stderr as it comes. */
  readonly isErrorTerminal: boolean;
  /** Whether `spin` shows anything. */
  readonly spins: boolean;
  /** How wide the terminal is that shows stdout; undefined where it goes elsewhere. */
  columns(): number | undefined;
  readonly style: Style;
  /** For text on stderr. */
  readonly errorStyle: Style;
  /** Aborted once nobody reads stdout any more. */
  readonly unread: AbortSignal;
  /** The result: the value as JSON under `--json`, else the text that `toText` makes of it. */
  show<T>(value: T, toText: (value: T) => string): void;
  /** One result of several: the same, with the JSON on a single line. */
  showOne<T>(value: T, toText: (value: T) => string): void;
  /** One of results without end: the same; resolves when stdout has room for more, has lost its reader or `signal` is aborted. */
  pour<T>(value: T, toText: (value: T) => string, signal: AbortSignal): Promise<void>;
  /** The result byte for byte as it came, also under `--json`; resolves as `pour` does. */
  pass(bytes: Buffer | string, signal: AbortSignal): Promise<void>;
  /** An area of the terminal whose text is replaced as a whole; undefined when the output is no terminal. */
  screen(): Screen | undefined;
  /** Text for people only; silent under `--json`. */
  say(text: string): void;
  /** Text for people only, on stderr: also under `--json`, and where stdout is redirected. */
  tell(text: string): void;
  /** One line on stderr that stops nothing. */
  warn(message: string): void;
  /** Lets a shell's prompt begin a line of its own after the `^C` that a terminal shows. */
  endLine(): void;
  /** Exactly one line on stderr: under `--json` the body as JSON. */
  fail(failure: { readonly message: string; readonly body: ErrorBody }): void;
  /** Says on stderr what is waited for until it is disposed of; one at a time. */
  spin(text: string): Spinner;
}

export interface OutputOptions {
  readonly streams: Pick<Streams, 'stdout' | 'stderr'>;
  readonly env: ColourEnvironment;
  readonly json: boolean;
}

export function createOutput({ streams: { stdout, stderr }, env, json }: OutputOptions): Output {
  const isTerminal = stdout.isTTY === true;
  const style = createStyle(wantsColours(isTerminal, env));
  const errorStyle = createStyle(wantsColours(stderr.isTTY === true, env));
  const canOverwrite = env.TERM !== 'dumb';
  const spins = canOverwrite && stderr.isTTY === true;
  const reader = new AbortController();
  stdout.once('error', () => reader.abort());
  let spinner: Spinner | undefined;

  const write = (stream: NodeJS.WriteStream, text: string): void => {
    spinner?.clear();
    if (text !== '') stream.write(text);
  };
  const pass = async (bytes: Buffer | string, signal: AbortSignal): Promise<void> => {
    if (reader.signal.aborted) return;
    spinner?.clear();
    if (stdout.write(bytes)) return;
    await once(stdout, 'drain', { signal }).catch(() => {}); // aborted, or unread: the caller sees both by itself
  };
  return {
    json,
    isTerminal,
    isErrorTerminal: stderr.isTTY === true,
    spins,
    columns: () => (isTerminal ? stdout.columns || 80 : undefined),
    style,
    errorStyle,
    unread: reader.signal,
    show(value, toText) {
      write(stdout, json ? toJson(value, { indent: isTerminal }) : toText(value));
    },
    showOne(value, toText) {
      write(stdout, json ? toJson(value, { indent: false }) : toText(value));
    },
    pour: (value, toText, signal) =>
      pass(json ? toJson(value, { indent: false }) : toText(value), signal),
    pass,
    screen: () => (isTerminal && canOverwrite && !json ? createScreen(stdout) : undefined),
    say(text) {
      if (!json) write(stdout, text);
    },
    tell(text) {
      write(stderr, text);
    },
    warn(message) {
      write(stderr, `${errorStyle('yellow', 'ondemand:')} ${toOneLine(message)}\n`);
    },
    endLine() {
      if (stderr.isTTY === true) write(stderr, '\n');
    },
    fail({ message, body }) {
      if (json) return write(stderr, toJson(body, { indent: false }));
      write(stderr, `${errorStyle('red', 'ondemand:')} ${toOneLine(message)}\n`);
    },
    spin(text) {
      spinner = startSpinner({ stream: stderr, text, canPaint: spins });
      return spinner;
    },
  };
}
