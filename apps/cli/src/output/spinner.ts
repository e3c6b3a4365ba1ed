// A spinner on stderr while the CLI waits, on terminals that can paint over a line only.

import { toOneLine } from './printable.ts';

export interface Spinner extends Disposable {
  /** What is waited for now; shown with the next frame. */
  update(text: string): void;
  /** Clears the line so that something else can be written; the next frame redraws it. */
  clear(): void;
}

export interface SpinnerOptions {
  readonly stream: NodeJS.WriteStream;
  readonly text: string;
  /** Whether `stream` is a terminal that a line can be painted over in. */
  readonly canPaint: boolean;
}

/** Appears after a moment, so that what is quick does not flicker; disposing of it clears its line. Draws nothing unless `canPaint`. */
export function startSpinner({ stream, text, canPaint }: SpinnerOptions): Spinner {
  if (!canPaint) return { update() {}, clear() {}, [Symbol.dispose]() {} };
  let current = text;
  let frame = 0;
  let isDrawn = false;

  const draw = (): void => {
    const line = `${frames[frame % frames.length]} ${toOneLine(current)}`;
    stream.write(`${clearLine}${line.slice(0, Math.max(1, (stream.columns || 80) - 1))}`);
    frame += 1;
    isDrawn = true;
  };
  const clear = (): void => {
    if (isDrawn) stream.write(clearLine);
    isDrawn = false;
  };
  let timer = setTimeout(() => {
    draw();
    timer = setInterval(draw, frameMs);
    timer.unref();
  }, delayMs);
  timer.unref();

  return {
    update(next) {
      current = next;
    },
    clear,
    [Symbol.dispose]() {
      clearTimeout(timer);
      clear();
    },
  };
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
const frameMs = 100;
const delayMs = 250;
const clearLine = '\r\u001b[2K';
