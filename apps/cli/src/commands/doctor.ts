// `ondemand doctor`: what works and what does not, from here to Docker on the VM.

import { usageError } from '../cli-error.ts';
import { defineCommand } from '../command-line/command.ts';
import { flag } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { toDoctorSheet } from '../views/doctor-sheet.ts';

export const doctor = defineCommand({
  description: `Check every layer from here to Docker on the VM, and say of the first that is broken what to do:
the file of logins, the URL, DNS, TLS, what is before the API, clocks, the token, then all that the
API stands on, which needs the scope admin. It changes nothing, wakes nothing and never counts as
use. Exit code 0 where nothing is wrong, else 1.`,
  options: {
    bundle: {
      kind: 'value',
      placeholder: 'FILE',
      summary: 'Also write all of it to FILE for a bug report, without tokens and secrets',
      fallback: undefined as string | undefined,
      parse: (text: string) => text,
    },
    force: flag('Write over a FILE that is there'),
  },
  examples: [
    'ondemand doctor',
    'ondemand doctor --json | jq -r \'.checks[] | select(.status == "failed") | .message\'',
    'ondemand doctor --bundle report.json',
  ],
  async run(context, { options: { bundle: file, force } }) {
    if (force && file === undefined) throw usageError('--force goes with --bundle FILE alone');
    const { output } = context;
    const { examine } = await import('../doctor/examine.ts');
    const bundle = file === undefined ? undefined : await import('../doctor/bug-report-bundle.ts');
    if (file !== undefined) bundle?.requireFree({ file, force });
    const spinner = output.spin('Checking every layer');
    const examination = await examine(context).finally(() => spinner[Symbol.dispose]());
    const { style, isTerminal } = output;
    output.show(examination, ({ checks }) => toDoctorSheet(checks, { style, isTerminal }));
    if (file !== undefined) {
      await bundle?.writeBundle({ file, force }, examination, context);
      output.tell(`Wrote ${file}; look through it before you send it\n`);
    }
    return examination.ok ? exitCodes.done : exitCodes.failed;
  },
});
