// Where a command's words go: results to stdout, everything else to stderr, nothing but JSON to stdout under --json.

import { toJson } from './json.ts';
import { toOneLine } from './printable.ts';
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
  readonly style: Style;
  /** The result: the value as JSON under `--json`, else the text that `toText` makes of it. */
  show<T>(value: T, toText: (value: T) => string): void;
  /** One result of several: the same, with the JSON on a single line. */
  showOne<T>(value: T, toText: (value: T) => string): void;
  /** Text for people only; silent under `--json`. */
  say(text: string): void;
  /** Text for people only, on stderr: also under `--json`, and where stdout is redirected. */
  tell(text: string): void;
  /** One line on stderr that stops nothing. */
  warn(message: string): void;
  /** Exactly one line on stderr. */
  fail(message: string): void;
  /** Someone else's output, unaltered on stderr, ended by a newline. */
  quote(text: string): void;
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
  let spinner: Spinner | undefined;

  const write = (stream: NodeJS.WriteStream, text: string): void => {
    spinner?.clear();
    if (text !== '') stream.write(text);
  };
  return {
    json,
    isTerminal,
    style,
    show(value, toText) {
      write(stdout, json ? toJson(value, { indent: isTerminal }) : toText(value));
    },
    showOne(value, toText) {
      write(stdout, json ? toJson(value, { indent: false }) : toText(value));
    },
    say(text) {
      if (!json) write(stdout, text);
    },
    tell(text) {
      write(stderr, text);
    },
    warn(message) {
      write(stderr, `${errorStyle('yellow', 'ondemand:')} ${toOneLine(message)}\n`);
    },
    fail(message) {
      write(stderr, `${errorStyle('red', 'ondemand:')} ${toOneLine(message)}\n`);
    },
    quote(text) {
      write(stderr, text === '' || text.endsWith('\n') ? text : `${text}\n`);
    },
    spin(text) {
      spinner = startSpinner({ stream: stderr, text });
      return spinner;
    },
  };
}
