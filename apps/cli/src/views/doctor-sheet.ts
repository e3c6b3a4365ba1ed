// What doctor found, for people: one line a layer, then where to begin.

import type { Check } from '../doctor/check.ts';
import { toOneLine } from '../output/printable.ts';
import type { Style, TextStyle } from '../output/style.ts';

export interface DoctorView {
  readonly style: Style;
  readonly isTerminal: boolean;
}

export function toDoctorSheet(checks: readonly Check[], { style, isTerminal }: DoctorView): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map(({ name, status, message }) => {
    const mark = isTerminal ? marks[status] : status.padEnd('skipped'.length);
    const text = toOneLine(message);
    return `${style(styles[status], mark)} ${name.padEnd(width)}  ${status === 'skipped' ? style('dim', text) : text}`;
  });
  return `${[...lines, '', toEnd(checks)].join('\n')}\n`;
}

function toEnd(checks: readonly Check[]): string {
  const first = checks.find(({ status }) => status === 'failed');
  if (first !== undefined)
    return `Begin with ${first.name}: ${toOneLine(first.next ?? first.message)}`;
  const waiting = checks.find(({ status, next }) => status === 'skipped' && next !== undefined);
  return waiting === undefined
    ? 'Nothing is wrong.'
    : `Nothing is wrong as far as could be seen; for the rest: ${toOneLine(waiting.next ?? '')}`;
}

const marks = { ok: '✓', failed: '✗', skipped: '-' } as const;
const styles = { ok: 'green', failed: 'red', skipped: 'dim' } as const satisfies Record<
  Check['status'],
  TextStyle
>;
