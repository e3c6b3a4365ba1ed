// Where a watch prints: an area of the terminal that is overwritten, or line after line for a program.

import type { Output } from '../output/output.ts';
import { formatTime } from '../output/past-time.ts';
import { toOneLine } from '../output/printable.ts';
import type { Screen } from '../output/screen.ts';
import type { Style } from '../output/style.ts';

export interface Display<T> extends Disposable {
  /** Resolves when there is room for more. Unchanged text is not printed again. */
  show(value: T, signal: AbortSignal): Promise<void>;
  /** What is shown is no longer current, and why. */
  lost(message: string): void;
}

/** To be disposed of, as it listens to the terminal. */
export function createDisplay<T>(
  output: Output,
  toText: (value: T) => string,
  now: () => Date = () => new Date(),
): Display<T> {
  const screen = output.screen();
  return screen === undefined
    ? createPrinted(output, toText, now)
    : createPainted(screen, output.style, { toText, now });
}

/** With the time of what is shown meanwhile. */
function toNote(message: string, readAt: Date): string {
  return `Trying again: ${toOneLine(message)}; what is shown is of ${formatTime(readAt)}`;
}

interface Painting<T> {
  readonly toText: (value: T) => string;
  readonly now: () => Date;
}

function createPainted<T>(screen: Screen, style: Style, { toText, now }: Painting<T>): Display<T> {
  let shown = '';
  let readAt = now();
  return {
    async show(value) {
      shown = toText(value);
      readAt = now();
      screen.paint(shown);
    },
    lost(message) {
      const note = toNote(message, readAt);
      screen.paint(`${shown}\n${style('yellow', note)}\n`);
    },
    [Symbol.dispose]: () => screen[Symbol.dispose](),
  };
}

/** Tables are parted by an empty line; under `--json` each is a document on a line of its own. */
function createPrinted<T>(
  output: Output,
  toText: (value: T) => string,
  now: () => Date,
): Display<T> {
  let readAt = now();
  let shown: string | undefined;
  let lastFailure: string | undefined;
  return {
    async show(value, signal) {
      lastFailure = undefined;
      readAt = now();
      const text = output.json ? JSON.stringify(value) : toText(value);
      if (text === shown) return;
      const gap = shown === undefined ? '' : '\n';
      shown = text;
      await output.pour(value, () => `${gap}${text}`, signal);
    },
    lost(message) {
      if (message !== lastFailure) output.warn(toNote(message, readAt));
      lastFailure = message;
    },
    [Symbol.dispose]() {},
  };
}
