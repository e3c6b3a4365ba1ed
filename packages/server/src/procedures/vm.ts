// The VM's lifecycle, its serial console and its address: one service call an operation.

import {
  defaultConsoleLines,
  maxConsoleLines,
  vmActionResultSchema,
  vmAddressSchema,
  vmConsoleSchema,
  vmStateSchema,
} from '@ondemand/core';
import { z } from 'zod';
import { adminProcedure, readOrWakeProcedure, router } from './base.ts';
import { idleProcedures } from './idle.ts';
import { wakeProcedures } from './wake.ts';
import { wholeNumberInput } from './whole-number.ts';

const path = (action: string) => `/vm/${action}` as const;

export const vmRouter = router({
  status: readOrWakeProcedure('vm_status', {
    method: 'GET',
    path: path('status'),
    summary: 'Get oci-flex VM state (OCI lifecycle)',
    description:
      'As OCI has it now; needs no SSH. `ip` is absent while the VM has no public address.',
    errors: [],
  })
    .input(z.void())
    .output(vmStateSchema)
    .query(({ ctx }) => ctx.services.vm.status(ctx.asReader())),

  start: power('start', 'Start oci-flex VM (OCI instance_action START)').mutation(({ ctx }) =>
    ctx.services.vm.start(),
  ),
  stop: powerProcedure('stop', 'Stop oci-flex VM (OCI instance_action STOP)')
    .input(
      z
        .strictObject({
          soft: z
            .boolean()
            .optional()
            .describe(
              'Ask the operating system to shut down (SOFTSTOP), which can take 15 minutes',
            ),
        })
        .optional(),
    )
    .output(vmActionResultSchema)
    .mutation(({ ctx, input }) => ctx.services.vm.stop({ soft: input?.soft })),
  reboot: power('reboot', 'Graceful reboot oci-flex VM (OCI instance_action SOFTRESET)').mutation(
    ({ ctx }) => ctx.services.vm.reboot(),
  ),
  reset: power(
    'reset',
    'Hard reset oci-flex VM (OCI instance_action RESET) - use with caution',
  ).mutation(({ ctx }) => ctx.services.vm.reset()),

  ...wakeProcedures,

  console: adminProcedure('vm_console', {
    method: 'GET',
    path: '/vm/console',
    textField: 'logs',
    summary: 'Read the serial console',
    description:
      'Captured now, through OCI: the one thing that is heard of a VM which answers to nothing else. Takes up to a minute. With `Accept: text/plain` the bare text.',
    errors: [],
  })
    .input(
      z
        .strictObject({
          lines: wholeNumberInput({
            max: maxConsoleLines,
            fallback: defaultConsoleLines,
            description: 'How many of the last lines',
          }),
        })
        .optional(),
    )
    .output(vmConsoleSchema)
    .query(({ ctx, input: { lines = defaultConsoleLines } = {} }) =>
      ctx.services.console.readConsole({ lines, ...ctx.asReader('commands') }),
    ),

  address: adminProcedure('vm_address', {
    method: 'GET',
    path: '/vm/address',
    summary: 'Where the API reaches the VM',
    description: 'And the host keys that it accepted there, for a connection of your own.',
    errors: [],
  })
    .input(z.void())
    .output(vmAddressSchema)
    .query(({ ctx }) => ctx.services.ssh.address({ signal: ctx.signal })),

  ...idleProcedures,
});

function power(action: 'start' | 'reboot' | 'reset', summary: string) {
  return powerProcedure(action, summary).input(z.void()).output(vmActionResultSchema);
}

function powerProcedure(action: 'start' | 'stop' | 'reboot' | 'reset', summary: string) {
  return adminProcedure(`vm_${action}`, {
    method: 'POST',
    path: path(action),
    summary,
    description:
      'Answers once OCI has accepted the action, not once it is done. Sent with the ETag of the state it was judged by, so of two at once exactly one wins. Needs no SSH.',
    errors: ['CONFLICT'],
  });
}
