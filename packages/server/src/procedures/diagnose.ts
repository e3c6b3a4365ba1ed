// The diagnosis, for callers with the `admin` scope.

import { diagnosisSchema } from '@ondemand/core';
import { z } from 'zod';
import { adminProcedure } from './base.ts';

export const diagnose = adminProcedure('diagnose', {
  method: 'GET',
  path: '/diagnose',
  summary: 'Check every layer that the API stands on',
  description:
    'From its configuration to Docker on the VM: what works, what does not and what to do about it. Always 200: what stands on a layer that failed is skipped. Takes a few seconds more than an attempt to connect to the VM at most, changes nothing, and never counts as use.',
  errors: [],
})
  .input(z.void())
  .output(diagnosisSchema)
  .query(({ ctx }) => ctx.services.diagnosis.diagnose(ctx.asReader('commands')));
