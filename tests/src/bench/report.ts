// What was measured as Markdown: a table for each part, with a ratio, a target and a verdict in each row.

import { toTable } from '../support/fill-docs-page.ts';

export interface Row {
  readonly what: string;
  /** With its unit, and what it is held against. */
  readonly measured: string;
  /** Against something that was measured in the same run. */
  readonly ratio?: string;
  readonly target?: Target;
}

export interface Target {
  readonly text: string;
  readonly met: boolean;
}

export interface Section {
  readonly title: string;
  /** How it was measured. */
  readonly about: string;
  readonly rows: readonly Row[];
}

export function toReport(sections: readonly Section[], facts: readonly string[]): string {
  return [facts.join(' · '), ...sections.map(toSection), toSummary(sections)].join('\n\n');
}

/** Such as `All 24 targets are met.` */
export function toSummary(sections: readonly Section[]): string {
  const targets = sections.flatMap(({ rows }) => rows.flatMap(({ target }) => target ?? []));
  const missed = countMissed(sections);
  return missed === 0
    ? `All ${targets.length} targets are met.`
    : `${missed} of ${targets.length} targets are missed.`;
}

export function countMissed(sections: readonly Section[]): number {
  return sections.flatMap(({ rows }) => rows).filter(({ target }) => target?.met === false).length;
}

export function atMost(limit: number, value: number, unit = ''): Target {
  return { text: `≤ ${toText(limit)}${unit}`, met: value <= limit };
}

export function atLeast(limit: number, value: number, unit = ''): Target {
  return { text: `≥ ${toText(limit)}${unit}`, met: value >= limit };
}

/** Three digits that count, no more. */
export function toText(value: number): string {
  return value >= 100
    ? Math.round(value).toLocaleString('en').replaceAll(',', ' ')
    : String(Number(value.toPrecision(3)));
}

export function toMs(value: number): string {
  return `${toText(value)} ms`;
}

export function toMb(bytes: number): string {
  return `${toText(bytes / 1e6)} MB`;
}

function toSection({ title, about, rows }: Section): string {
  const cells = rows.map(({ what, measured, ratio = '', target }) => [
    what,
    measured,
    ratio,
    target?.text ?? '',
    target === undefined ? '' : target.met ? 'met' : '**missed**',
  ]);
  const head = ['', 'measured', 'ratio', 'target', ''];
  return [`### ${title}`, about, toTable({ head, rows: cells })].join('\n\n');
}
