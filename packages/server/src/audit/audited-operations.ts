// The operations that change something, by the paths of either transport.

import type { AppRouter } from '../procedures/app-router.ts';
import { listProcedures } from '../procedures/procedure-list.ts';
import type { AuditedOperations } from './record-call.ts';

export function toAuditedOperations(router: AppRouter): AuditedOperations {
  const mutations = listProcedures(router)
    .filter(({ type }) => type === 'mutation')
    .map(({ path: procedure, meta: { id: action, path } }) => ({
      procedure,
      action,
      path,
      pattern: toPattern(path),
    }));
  return {
    procedures: new Map(mutations.map((each) => [each.procedure, each])),
    find: (path) => mutations.find(({ pattern }) => pattern.test(path)),
  };
}

function toPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
