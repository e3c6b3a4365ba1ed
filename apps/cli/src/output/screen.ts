// Text on a terminal that newer text overwrites.

import type { EventEmitter } from 'node:events';
import { cutToWidth, widthOf } from './width.ts';

export interface Screen extends Disposable {
  /** Replaces what was painted before, in one write; what does not fit the terminal is left out, and a line says so. */
  paint(text: string): void;
}

/**
 * Paints from where the cursor is, without another screen: what was painted last stays when the command ends.
 * Until it is disposed of, it paints the same again when the terminal has another size, and, below what a shell wrote meanwhile,
 * when the process goes on after a Ctrl-Z.
 */
export function createScreen(
  stream: NodeJS.WriteStream,
  signals: Pick<EventEmitter, 'on' | 'off'> = process,
): Screen {
  let shown: string | undefined;
  let painted: readonly string[] = [];
  const paint = (text: string): void => {
    const columns = stream.columns || 80;
    const up = painted.reduce((sum, line) => sum + toHeight(line, columns), 0);
    shown = text;
    painted = toFrame(text, { columns, rows: stream.rows || 24 });
    const lines = painted.map((line) => `${clearLine}${line}\n`).join('');
    stream.write(`${up === 0 ? '' : `\u001b[${up}A\r`}${lines}${clearBelow}`);
  };
  const repaint = (): void => {
    if (shown !== undefined) paint(shown);
  };
  const paintBelow = (): void => {
    painted = [];
    repaint();
  };
  stream.on('resize', repaint);
  signals.on('SIGCONT', paintBelow);
  return {
    paint,
    [Symbol.dispose]() {
      stream.off('resize', repaint);
      signals.off('SIGCONT', paintBelow);
    },
  };
}

const clearLine = '\u001b[2K'; // before the line: after one that fills the terminal it would take its last character
const clearBelow = '\u001b[J';

function toFrame(text: string, { columns, rows }: { columns: number; rows: number }): string[] {
  const lines = text.replace(/\n$/, '').split('\n');
  const most = Math.max(2, rows - 1); // the cursor needs a line too
  const shown =
    lines.length <= most
      ? lines
      : [...lines.slice(0, most - 1), `… and ${lines.length - most + 1} more lines`];
  return shown.map((line) => cutToWidth(line, columns));
}

/** A terminal that has become narrower since has wrapped what was painted. */
function toHeight(line: string, columns: number): number {
  return Math.max(1, Math.ceil(widthOf(line) / columns));
}
