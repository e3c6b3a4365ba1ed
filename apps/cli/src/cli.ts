// One run from the command line to an exit code; the process around it is an argument.

import { type Environment, readTokenOrigin } from './api-target.ts';
import { CliError } from './cli-error.ts';
import { type Context, createContext, type PassSignals, passNone } from './command-context.ts';
import { toHelp, toTopicHelp } from './command-line/help.ts';
import { globalOptions } from './command-line/options.ts';
import { type Globals, type Invocation, parseInvocation } from './command-line/parse.ts';
import { suggestName } from './command-line/suggest-name.ts';
import { tokenize } from './command-line/tokens.ts';
import { root } from './commands/all-commands.ts';
import { completeCommand, describeCommand, filesDirective } from './completion/scripts.ts';
import { exitCodes } from './exit-codes.ts';
import { listContexts } from './login/contexts.ts';
import { createOutput, type Output, type Streams } from './output/output.ts';
import { toFailure } from './to-failure.ts';
import { version } from './version.ts';
import { startDeadline } from './wait/deadline.ts';
import { createUnfinishedWork, type UnfinishedWork } from './wait/finish-before-exit.ts';

export interface Run {
  /** Without the interpreter and the script. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly streams: Streams;
  /** Aborted by Ctrl-C, and by the other signals that end a process. */
  readonly signal: AbortSignal;
  /** Gets what must be finished before the process ends. */
  readonly unfinished?: UnfinishedWork;
  readonly passSignals?: PassSignals;
}

/** Never throws: every failure has become one line on stderr and an exit code. Nothing is left unfinished. */
export async function runCli(run: Run): Promise<number> {
  const { unfinished = createUnfinishedWork(), passSignals = passNone } = run;
  const exitCode = await runCommand({ ...run, unfinished, passSignals });
  await unfinished.done();
  return exitCode;
}

async function runCommand(run: Required<Run>): Promise<number> {
  const { argv, env, streams, signal, unfinished, passSignals } = run;
  let output = createOutput({ streams, env, json: wantsJson(argv) });
  let asked: Pick<Globals, 'url' | 'context'> = { url: undefined, context: undefined };
  let context: Context | undefined;
  try {
    const [first] = argv;
    if (first === completeCommand || first === describeCommand) return await complete(run, output);
    const invocation = await parseInvocation(root, argv);
    if (invocation.kind !== 'run') {
      return print(invocation, createOutput({ streams, env, json: false }));
    }
    const { globals, command, options, operands } = invocation;
    output = createOutput({ streams, env, json: globals.json });
    asked = globals;
    context = createContext({
      ...{ streams, env, ...asked, output, signal, unfinished, passSignals },
    });
    return await command.run(context, { options, operands } as Parameters<typeof command.run>[1]); // the parser checked them against the command
  } catch (error) {
    const isInterrupt = signal.aborted && !(error instanceof CliError);
    const failure = await toFailure(
      isInterrupt ? new CliError(exitCodes.interrupted, 'Interrupted') : error,
      readTokenOrigin({ env, ...asked }),
    );
    const meant = isInterrupt || context === undefined ? '' : await suggestName(error, context);
    output.fail({ ...failure, message: `${failure.message}${meant}` });
    return failure.exitCode;
  }
}

/** Also of a command line that makes no sense; what comes after `--` is another program's. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).some((word) => /^--json(?:=true)?$/.test(word));
}

/** Asked by the shells' completion scripts only, so it is in no help. */
async function complete(run: Required<Run>, output: Output): Promise<number> {
  const { argv, env, streams, unfinished, passSignals } = run;
  const { findCandidates } = await import('./completion/candidates.ts');
  using deadline = startDeadline(completionTimeoutMs, run.signal);
  const { signal } = deadline;
  const words = argv.slice(1);
  const given = tokenize(words, globalOptions).options;
  const valueGiven = (option: string) => given.findLast(({ name }) => name === option)?.value;
  const asked = { url: valueGiven('url'), context: valueGiven('context') };
  const context = createContext({
    ...{ streams, env, ...asked, output, signal, unfinished, passSignals },
  });
  const candidates = await findCandidates({
    root,
    words,
    list: async (source) => {
      if (source === 'contexts') {
        const contexts = listContexts(await context.logins.read());
        return contexts.map(({ name, url }) => ({ value: name, description: url }));
      }
      const client = await context.connect();
      if (source === 'jobs') {
        const jobs = await client.jobs.list.query(undefined, { signal });
        return jobs.map(({ id, kind, target, state }) => ({
          value: id,
          description: `${kind} ${target} ${state}`,
        }));
      }
      const containers = await client.containers.list.query(undefined, { signal });
      return containers.map(({ name, uptime, state }) => ({
        value: name,
        description: uptime || state,
      }));
    },
  });
  const plain = createOutput({ streams, env, json: false }); // whatever the line has that is completed
  const isDescribed = argv[0] === describeCommand;
  const lines =
    candidates === 'files'
      ? [filesDirective]
      : candidates.map(({ value, description }) =>
          isDescribed && description !== '' ? `${value}\t${description}` : value,
        );
  plain.say(lines.map((line) => `${line}\n`).join(''));
  return exitCodes.done;
}

/** Longer than this a shell's line editor must not stand still. */
const completionTimeoutMs = 3_000;

function print(invocation: Exclude<Invocation, { kind: 'run' }>, output: Output): number {
  if (invocation.kind === 'version') {
    output.say(`ondemand ${version}\n`);
  } else if (invocation.kind === 'topic') {
    output.say(toTopicHelp(invocation.topic, output.style));
  } else {
    output.say(toHelp(invocation.path, invocation.subject, output.style));
  }
  return exitCodes.done;
}
