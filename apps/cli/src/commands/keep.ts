// `ondemand keep`: leases, which keep the VM on.

import { usageError } from '../cli-error.ts';
import { defineCommand } from '../command-line/command.ts';
import { parseFor } from '../command-line/option-values.ts';
import { flag, parseDuration } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatTimeLeft } from '../output/time-left.ts';
import { toLeaseTable } from '../views/idle-sheet.ts';

export const keep = defineCommand({
  description: `Keep the VM on for so long, up to 24 hours, whether anything uses it or not.
It may still be stopped by hand. --list shows who keeps it on, --release ends a lease of your own.`,
  operands: { arity: 'maybe', label: '[DURATION]', from: ['30m', '1h', '2h', '8h'], isOpen: true },
  options: {
    reason: {
      kind: 'value',
      placeholder: 'TEXT',
      summary: 'What for, shown to others',
      fallback: undefined as string | undefined,
      parse: (text: string): string | undefined => text,
    },
    list: flag('Show the leases that hold'),
    release: {
      kind: 'value',
      placeholder: 'ID',
      summary: 'End that lease',
      fallback: undefined as string | undefined,
      parse: (text: string): string | undefined => text,
    },
  },
  examples: [
    'ondemand keep 2h --reason backup',
    'ondemand keep --list',
    'ondemand keep --release 20260208T101530Z-1f2e3d4c',
  ],
  async run({ connect, output, signal }, { options, operands: [duration] }) {
    const { reason, list, release } = options;
    const ways = [duration !== undefined, list, release !== undefined].filter(Boolean).length;
    if (ways !== 1)
      throw usageError('keep needs one of a DURATION such as 2h, --list and --release ID');
    if (reason !== undefined && duration === undefined)
      throw usageError('--reason goes with a DURATION');
    const keepMs = duration === undefined ? 0 : parseFor('keep', duration, parseDuration);
    const minutes = Math.ceil(keepMs / 60_000);
    const client = await connect();
    const view = () => ({ style: output.style, now: new Date(), width: output.columns() });
    if (list) {
      using _spinner = output.spin('Listing leases');
      const { leases } = await client.vm.idle.query(undefined, { signal });
      output.show(leases, () =>
        leases.length === 0 ? 'No leases\n' : toLeaseTable(leases, view()),
      );
      return exitCodes.done;
    }
    using _spinner = output.spin(release === undefined ? 'Taking a lease' : 'Ending the lease');
    const lease =
      release === undefined
        ? await client.vm.takeLease.mutate(
            { minutes, ...(reason !== undefined && { reason }) },
            { signal },
          )
        : await client.vm.releaseLease.mutate({ id: release }, { signal });
    const left = () => formatTimeLeft(Date.parse(lease.expiresAt) - Date.now());
    output.show(lease, () =>
      release === undefined
        ? `The VM is kept on; lease ${lease.id} ends ${left()}\n`
        : `${lease.id}\n`,
    );
    return exitCodes.done;
  },
});
