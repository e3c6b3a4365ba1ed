// `ondemand jobs`: the background work on the VM.

import { CliError, usageError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { defineCommand } from '../command-line/command.ts';
import { flag } from '../command-line/options.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { toPrintableText } from '../output/printable.ts';
import { type JobView, toJobFacts, toJobFailure, toJobTable } from '../views/job-facts.ts';
import { showWaits, toExit } from '../watch/follow.ts';
import { followJob } from '../watch/follow-job.ts';

export const jobs = defineCommand({
  description: `List the last jobs on oci-flex, the newest first, or show one with the end of its output.
With -f all of its output as it comes; then the exit code is 0 when it succeeded, and 1 when not.
Ctrl-C stops watching, not the job. With -f --json one document a line: { "text" }.`,
  operands: { arity: 'maybe', label: '[ID]', from: 'jobs' },
  commands: [
    {
      name: 'cancel',
      summary: 'End a job that runs',
      load: async () => (await import('./job-cancel.ts')).cancel,
    },
  ],
  options: { follow: flag('Follow the output until the job has ended', 'f') },
  examples: [
    'ondemand jobs',
    'ondemand jobs 20260208T101530Z-1f2e3d4c -f',
    'ondemand jobs cancel 20260208T101530Z-1f2e3d4c',
    'ondemand jobs --json | jq -r \'.[] | select(.state == "failed") | .id\'',
  ],
  async run(context, { options, operands: [id] }) {
    if (id === undefined) {
      if (options.follow) throw usageError('jobs --follow needs an ID; ondemand jobs lists them');
      return list(context);
    }
    return options.follow ? followOne(context, id) : show(context, id);
  },
});

async function list({ connect, output, signal }: Context): Promise<ExitCode> {
  const client = await connect();
  using _spinner = output.spin('Listing jobs');
  const all = await client.jobs.list.query(undefined, { signal });
  output.show(all, () => toJobTable(all, toView(output)));
  return exitCodes.done;
}

async function show({ connect, output, signal }: Context, id: string): Promise<ExitCode> {
  const client = await connect();
  using _spinner = output.spin(`Asking for job ${id}`);
  const job = await client.jobs.get.query({ id }, { signal });
  output.show(job, () => {
    const facts = toJobFacts(job, toView(output));
    return job.output === '' ? facts : `${facts}\n${toWholeLines(toPrintableText(job.output))}`;
  });
  return exitCodes.done;
}

async function followOne(context: Context, id: string): Promise<ExitCode> {
  const { connect, output, signal } = context;
  const client = await connect();
  const until = AbortSignal.any([signal, output.unread]);
  using wait = showWaits(output, `Asking for the output of job ${id}`);
  try {
    const job = await followJob(client, {
      id,
      signal: until,
      ...wait.hooks,
      onOutput: (part) => output.pour(part, ({ text }) => toPrintableText(text), until),
    });
    if (job.state === 'succeeded') return exitCodes.done;
    throw new CliError(exitCodes.failed, toJobFailure(job));
  } catch (error) {
    if (!until.aborted) throw error;
    return toExit(output, signal);
  }
}

function toView(output: Context['output']): JobView {
  return { style: output.style, now: new Date(), width: output.columns() };
}

function toWholeLines(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
