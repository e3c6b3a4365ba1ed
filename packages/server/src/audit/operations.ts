// The operations that change something, by the paths of either transport.

import type { AppRouter } from '../procedures/app-router.ts';
import type { Meta } from '../procedures/operation.ts';
import type { AuditedOperations } from './record-call.ts';

export function toAuditedOperations(router: AppRouter): AuditedOperations {
  const all = Object.entries(router._def.procedures as unknown as Procedures);
  const mutations = all.flatMap(([procedure, { _def }]) =>
    _def.type === 'mutation'
      ? [
          {
            procedure,
            action: _def.meta.id,
            path: _def.meta.path,
            pattern: toPattern(_def.meta.path),
          },
        ]
      : [],
  );
  return {
    procedures: new Map(mutations.map((each) => [each.procedure, each])),
    find: (path) => mutations.find(({ pattern }) => pattern.test(path)),
  };
}

/** At runtime tRPC keeps all procedures in one record, by their path; its type nests them. */
type Procedures = Readonly<
  Record<string, { readonly _def: { readonly type: string; readonly meta: Meta } }>
>;

function toPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
