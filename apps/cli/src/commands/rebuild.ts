// `ondemand rebuild`: rebuilds containers, in jobs that run on the VM without the CLI.

import type { ContainerActionResult, Job, OnDemandClient } from '@ondemand/client';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { defineCommand } from '../command-line/command.ts';
import { flag, wakeOptions } from '../command-line/options.ts';
import { suggestName } from '../command-line/suggest-name.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { toOwnBody } from '../json-error.ts';
import { toPrintableText } from '../output/printable.ts';
import { toFailure } from '../to-failure.ts';
import { toJobFailure } from '../views/job-facts.ts';
import { wakeUp } from '../wait/wait-until-awake.ts';
import { showWaits } from '../watch/follow.ts';
import { followJob } from '../watch/follow-job.ts';

export const rebuild = defineCommand({
  description: `Rebuild containers from the compose project they came from, and replace them:
docker compose build and up -d, one after the other. The output comes on stderr as it is written.
Each build is a job on the VM: Ctrl-C stops watching, not the build.
Each NAME is tried; those that succeed are printed.`,
  operands: { arity: 'some', label: 'NAME…', from: 'containers' },
  options: {
    detach: flag('Print the id of the job once it has begun, and do not wait', 'd'),
    ...wakeOptions,
  },
  examples: [
    'ondemand rebuild app',
    'ondemand rebuild app 2>build.log',
    'ondemand jobs $(ondemand rebuild app -d) -f',
  ],
  async run(context, { options: { detach, wake, timeout }, operands: names }) {
    const client = await context.connect();
    if (wake) await wakeUp(context, { client, timeoutMs: timeout });
    const exits: ExitCode[] = [];
    for (const [index, name] of names.entries()) {
      const prefix = names.length === 1 ? '' : `${name} | `;
      exits.push(
        await attempt(context, { client, name, prefix, detach, later: names.slice(index + 1) }),
      );
    }
    return exits.find((exit) => exit !== exitCodes.done) ?? exitCodes.done;
  },
});

interface Attempt {
  readonly client: OnDemandClient;
  readonly name: string;
  /** Before each line of the output. */
  readonly prefix: string;
  readonly detach: boolean;
  /** The names that are not tried when the user leaves now. */
  readonly later: readonly string[];
}

/** Reports a failure instead of throwing it, so that the next name is tried too; only Ctrl-C throws. */
async function attempt(context: Context, wanted: Attempt): Promise<ExitCode> {
  const { output, signal } = context;
  const { client, name, detach } = wanted;
  let job: string | undefined;
  try {
    using wait = showWaits(output, `Rebuilding ${name}`, { isLong: true });
    const begun = await client.containers.rebuild.mutate({ name, async: true }, { signal });
    job = begun.job;
    if (detach || job === undefined) {
      output.showOne(begun, () => `${job ?? name}\n`);
      return exitCodes.done;
    }
    const ended = await followJob(client, {
      id: job,
      signal,
      ...wait.hooks,
      onOutput: ({ text }) => showOutput(context, text, wanted.prefix),
    });
    return report(context, { name, begun, ended });
  } catch (error) {
    if (signal.aborted) throw interrupted(wanted, job, error);
    const failure = await toFailure(error, context.tokenOrigin);
    const goesOn = job === undefined ? '' : `; job ${job} may go on: ondemand jobs ${job} -f`;
    const meant = await suggestName(error, context);
    output.fail({ ...failure, message: `rebuild ${name}: ${failure.message}${meant}${goesOn}` });
    return failure.exitCode;
  }
}

function showOutput({ output }: Context, text: string, prefix: string): void {
  if (output.json) return;
  const lines = toPrintableText(text.replace(/\n$/, '')).split('\n');
  output.tell(lines.map((line) => `${output.errorStyle('dim', `${prefix}${line}`)}\n`).join(''));
}

function report(
  { output }: Context,
  { name, begun, ended }: { name: string; begun: ContainerActionResult; ended: Job },
): ExitCode {
  if (ended.state === 'succeeded') {
    // Whether another container runs than before, the job does not tell.
    const result: ContainerActionResult = { ...begun, status: 'success' };
    output.showOne(result, () => `${name}\n`);
    return exitCodes.done;
  }
  const message = `${toJobFailure(ended)}; its output again: ondemand jobs ${ended.id}`;
  output.fail({
    message,
    body: toOwnBody(exitCodes.failed, message, {
      job: ended.id,
      exitCode: ended.exitCode,
      output: ended.output,
    }),
  });
  return exitCodes.failed;
}

function interrupted({ name, later }: Attempt, job: string | undefined, cause: unknown): CliError {
  const what =
    job === undefined
      ? `rebuild ${name} may still take place: look with ondemand jobs`
      : `the rebuild of ${name} goes on as job ${job}: ondemand jobs ${job} -f`;
  const rest = later.length === 0 ? '' : `; not begun: ${later.join(', ')}`;
  return new CliError(exitCodes.interrupted, `Interrupted; ${what}${rest}`, { cause });
}
