// What the cases of each operation were answered with, for docs/reliability.md.

import { recordFigures } from '../reliability/record-figures.ts';

const columns = {
  'done (2xx)': (status: number) => status < 300,
  'refused (400, 405 to 431)': (status: number) =>
    status === 400 || (status >= 405 && status !== 409),
  'no way in (401, 403)': (status: number) => status === 401 || status === 403,
  'not there (404)': (status: number) => status === 404,
  'not now (409, 503)': (status: number) => status === 409 || status === 503,
} as const;

export function createTally(transport: 'REST' | 'tRPC') {
  const statuses = new Map<string, number[]>();
  return {
    add(operationId: string, status: number): void {
      const known = statuses.get(operationId) ?? [];
      statuses.set(operationId, known);
      known.push(status);
    },
    record(): void {
      const rows = [...statuses].map(([id, all]) => [
        id.replace('_', '.'),
        all.length,
        ...Object.values(columns).map((isOf) => all.filter(isOf).length),
      ]);
      const head = [transport, 'cases', ...Object.keys(columns)];
      recordFigures('fuzz', { tables: [{ head, rows }] });
    },
  };
}
