// All procedures: those listed here, and only those, exist in tRPC, REST, OpenAPI and the client.

import { z } from 'zod';
import { whoamiSchema } from '../auth/principal.ts';
import { auditRouter } from './audit.ts';
import { readOrWakeProcedure, router } from './base.ts';
import { containersRouter } from './containers.ts';
import { diagnose } from './diagnose.ts';
import { watchEvents } from './events.ts';
import { jobsRouter } from './jobs.ts';
import { vmRouter } from './vm.ts';

export const appRouter = router({
  vm: vmRouter,
  containers: containersRouter,
  jobs: jobsRouter,
  events: watchEvents,
  whoami: readOrWakeProcedure('whoami', {
    method: 'GET',
    path: '/whoami',
    summary: 'Who the token speaks for and what it allows',
    description: 'What this API makes of the token: its subject, client, scopes and end.',
    errors: [],
  })
    .input(z.void())
    .output(whoamiSchema)
    .query(({ ctx }) => ctx.principal),
  audit: auditRouter,
  diagnose,
});

export type AppRouter = typeof appRouter;
