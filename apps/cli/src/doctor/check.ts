// One check of `ondemand doctor`, in the form of the API's own, and the list that they are put into.

import type { Diagnosis } from '@ondemand/client';

type ApiCheck = Diagnosis['checks'][number];

export interface Check extends Omit<ApiCheck, 'name' | 'layer' | 'next'> {
  readonly name: ApiCheck['name'] | OwnName;
  readonly layer: ApiCheck['layer'] | 'cli';
  readonly next?: string | undefined;
}

/** In the order in which they are made: what stands on another comes after it. */
export const ownNames = [
  'config-file',
  'url',
  'dns',
  'connection',
  'tls',
  'proxy',
  'cli-clock',
  'api-version',
  'token',
  'audience',
  'scopes',
  'diagnose',
] as const;
export type OwnName = (typeof ownNames)[number];

type Details = Check['details'];

export interface Report {
  ok(name: OwnName, message: string, details?: Details): void;
  failed(name: OwnName, message: string, next: string, details?: Details): void;
  skipped(name: OwnName, message: string, next?: string): void;
  add(checks: readonly Check[]): void;
  /** All of them; those that were not reached because of one that failed are skipped. */
  list(): readonly Check[];
}

export function createReport(): Report {
  const own = new Map<OwnName, Check>();
  const others: Check[] = [];
  const set = (check: Omit<Check, 'layer'> & { readonly name: OwnName }) =>
    void own.set(check.name, { ...check, layer: 'cli' });

  return {
    ok: (name, message, details = {}) => set({ name, status: 'ok', message, details }),
    failed: (name, message, next, details = {}) =>
      set({ name, status: 'failed', message, next, details }),
    skipped: (name, message, next) =>
      set({ name, status: 'skipped', message, details: {}, ...(next !== undefined && { next }) }),
    add: (checks) => void others.push(...checks),
    list() {
      let broken: OwnName | undefined;
      const listed = ownNames.map((name): Check => {
        const check = own.get(name);
        if (check?.status === 'failed') broken = name;
        const message = broken === undefined ? 'Not asked' : `Not asked, as ${broken} failed`;
        return check ?? { name, layer: 'cli', status: 'skipped', message, details: {} };
      });
      return [
        ...listed.filter(({ name }) => name !== 'diagnose' || own.has(name) || others.length === 0),
        ...others,
      ];
    },
  };
}
