// Where a watch shows what it sees: a place on the terminal, or line after line for a program.

import type { Output } from '../output/output.ts';
import { toOneLine } from '../output/printable.ts';
import type { Screen } from '../output/screen.ts';
import type { Style } from '../output/style.ts';

export interface Display<T> extends Disposable {
  /** Resolves when there is room for more. What looks as it did is not printed again. */
  show(value: T, signal: AbortSignal): Promise<void>;
  /** What is shown is no longer current, and why. */
  lost(message: string): void;
}

/** To be disposed of, as it listens to the terminal. */
export function createDisplay<T>(output: Output, toText: (value: T) => string): Display<T> {
  const screen = output.screen();
  return screen === undefined
    ? createPrinted(output, toText)
    : createPainted(screen, output.style, toText);
}

function createPainted<T>(screen: Screen, style: Style, toText: (value: T) => string): Display<T> {
  let shown = '';
  return {
    async show(value) {
      shown = toText(value);
      screen.paint(shown);
    },
    lost(message) {
      const note = `Not current, trying again: ${toOneLine(message)}`;
      screen.paint(`${shown}\n${style('yellow', note)}\n`);
    },
    [Symbol.dispose]: () => screen[Symbol.dispose](),
  };
}

/** Tables are parted by an empty line; under `--json` each is a document on a line of its own. */
function createPrinted<T>(output: Output, toText: (value: T) => string): Display<T> {
  let shown: string | undefined;
  let trouble: string | undefined;
  return {
    async show(value, signal) {
      trouble = undefined;
      const text = output.json ? JSON.stringify(value) : toText(value);
      if (text === shown) return;
      const gap = shown === undefined ? '' : '\n';
      shown = text;
      await output.pour(value, () => `${gap}${text}`, signal);
    },
    lost(message) {
      if (message !== trouble) output.warn(`Not current, trying again: ${message}`);
      trouble = message;
    },
    [Symbol.dispose]() {},
  };
}
