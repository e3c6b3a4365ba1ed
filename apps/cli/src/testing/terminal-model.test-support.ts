// What a terminal would show of what was written to it: lines, cursor movements and erasures, no wrapping.

/** The lines from the first one written to the last; throws for a sequence that it does not know, but for colours. */
export function createTerminalModel(written: string): string[] {
  const lines = [''];
  let [row, column] = [0, 0];
  for (const [, movement, text = '', control] of written.matchAll(parts)) {
    if (control === '\r') column = 0;
    else if (control === '\n') {
      row += 1;
      column = 0;
      lines[row] ??= '';
    } else if (movement === undefined) {
      const line = (lines[row] ?? '').padEnd(column);
      lines[row] = `${line.slice(0, column)}${text}${line.slice(column + text.length)}`;
      column += text.length;
    } else if (movement === '\u001b[2K') lines[row] = '';
    else if (movement === '\u001b[J') {
      lines.length = row + 1;
      lines[row] = (lines[row] ?? '').slice(0, column);
    } else if (movement.endsWith('A')) row = Math.max(0, row - Number(movement.slice(2, -1)));
    else if (!movement.endsWith('m'))
      throw new Error(`unknown sequence ${JSON.stringify(movement)}`);
  }
  return lines;
}

const esc = '\u001b';
const parts = new RegExp(`(${esc}\\[[\\d;]*[A-Za-z])|([^${esc}\n\r]+)|([\n\r])`, 'g');
