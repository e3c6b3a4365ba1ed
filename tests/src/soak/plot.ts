// Draws the samples of a soak as one SVG: a curve for each figure, a band for each fault.

import type { Sample } from './samples.ts';
import type { FaultRecord } from './soak.ts';

const width = 900;
const rowHeight = 130;
const left = 90;

const figures: readonly { readonly name: string; readonly read: (sample: Sample) => number }[] = [
  { name: 'memory, MB', read: ({ residentBytes }) => residentBytes / 1e6 },
  { name: 'handles', read: ({ handles }) => handles },
  { name: 'SSH channels', read: ({ sshChannels }) => sshChannels },
  { name: 'event loop p99, ms', read: ({ eventLoopP99Ms }) => eventLoopP99Ms },
];

export function toPlot(samples: readonly Sample[], faults: readonly FaultRecord[]): string {
  const endMs = Math.max(1, ...samples.map(({ atMs }) => atMs));
  const toX = (atMs: number) => round(left + (atMs / endMs) * (width - left - 10));
  const height = figures.length * rowHeight;
  const bands = faults.map(
    ({ name, fromMs, toMs }) =>
      `<rect x="${toX(fromMs)}" y="0" width="${round(Math.max(1, toX(toMs) - toX(fromMs)))}" height="${height}" fill="#f3d0c8"><title>${name}</title></rect>`,
  );
  const rows = figures.map(({ name, read }, row) => {
    const values = samples.map(read);
    const most = Math.max(1, ...values);
    const bottom = (row + 1) * rowHeight - 15;
    const toY = (value: number) => round(bottom - (value / most) * (rowHeight - 35));
    const points = samples.map((sample) => `${toX(sample.atMs)},${toY(read(sample))}`).join(' ');
    return [
      `<text x="5" y="${row * rowHeight + 25}">${name}</text>`,
      `<text x="5" y="${row * rowHeight + 42}">at most ${round(most)}</text>`,
      `<line x1="${left}" y1="${bottom}" x2="${width - 10}" y2="${bottom}" stroke="#999"/>`,
      `<polyline points="${points}" fill="none" stroke="#1f5f8b" stroke-width="1.5"/>`,
    ].join('\n');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    '<title>The process of the API over the soak; a band is a fault</title>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...bands,
    ...rows,
    '</svg>\n',
  ].join('\n');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
