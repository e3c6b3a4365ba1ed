// The process: arguments and environment to a running service. The only process.env and process.exit of the server.

import { parseArgs } from 'node:util';
import { type Config, parseConfig, requireConfig } from '../config/config.ts';
import { readEnvironment } from '../config/environment.ts';
import { listVariables, toHelpText } from '../config/help.ts';
import { toHostProblem } from '../config/listen-host.ts';
import { findOpenKeys } from '../config/open-files.ts';
import { checkEnvironment } from './check-environment.ts';
import { createLogger } from './logger.ts';
import { startService } from './service.ts';

const usage = `Usage: ondemand-server [--env-file FILE]

Serves the Containers Control On-Demand API, configured from the environment.
What FILE says yields to what the environment says.

Variables:
${toHelpText(listVariables())}
`;

/** Like other servers: 2 for a start that the operator must fix, 1 for what went wrong otherwise. */
const exitCodes = { misconfigured: 2, failed: 1 } as const;

await main();

async function main(): Promise<void> {
  const { help, 'env-file': envFiles = [] } = readArguments();
  if (help) {
    process.stdout.write(usage);
    return;
  }
  const [envFile, another] = envFiles;
  if (another !== undefined) refuse([`--env-file: takes one file, and ${another} is another`]);
  const { config, warnings } = await readConfig(envFile);
  const logger = createLogger({ level: config.LOG_LEVEL, isTerminal: process.stdout.isTTY });
  for (const problem of warnings) logger.warn({ problem }, 'check the configuration');
  const service = await startService(config, { logger }).catch((error: unknown) => {
    const problem = toHostProblem(error, config);
    if (problem !== undefined) refuse([problem]);
    fail(exitCodes.failed, [toStartFailure(error, config)]);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, async () => {
      logger.info({ signal }, 'stopping');
      await service.stop();
      process.exit(0);
    });
  }
  logger.info({ url: service.url, docs: `${service.url}/docs` }, 'listening');
  process.send?.({ url: service.url }); // a parent that started us with an IPC channel need not poll
}

function readArguments() {
  const args = process.argv.slice(2);
  // Before `--env-file` it keeps Node 20 from taking that for its own, wherever the launchers let it stand: nodejs/node#54232.
  if (args[0] === '--') args.shift();
  try {
    return parseArgs({
      args,
      options: {
        'env-file': { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    fail(exitCodes.misconfigured, [messageOf(error), 'See `ondemand-server --help`.']);
  }
}

/** What was set and cannot be used ends the start; a default that cannot, such as `~/.oci/config`, is reported and may appear later. */
async function readConfig(envFile: string | undefined) {
  const { environment, ...read } = readEnvironment(process.env, envFile);
  if (environment === undefined) refuse(read.problems);
  const parsed = parseConfig(environment);
  const found = await checkEnvironment(parsed.config);
  const wasSet = (problem: string) =>
    toSources(problem.split(':', 1)[0] ?? '').some((name) => environment[name]);
  const problems = [...read.problems, ...parsed.problems, ...found.filter(wasSet)];
  const warnings = [
    ...read.warnings,
    ...(await findOpenKeys(parsed.config)),
    ...found.filter((problem) => !wasSet(problem)),
  ];
  if (problems.length > 0) refuse([...problems, ...warnings]);
  return { config: requireConfig(parsed), warnings };
}

/** Which variables a problem may come from: what a named file lacks is the fault of naming it. */
function toSources(variable: string): string[] {
  const isOfProfile = /^OCI_(CONFIG_PROFILE|REGION|AUTH)$/.test(variable);
  return isOfProfile ? [variable, 'OCI_CONFIG_FILE', 'OCI_CONFIG_PROFILE'] : [variable];
}

function toStartFailure(error: unknown, { HOST, METRICS_PORT }: Config): string {
  const { code, port }: NodeJS.ErrnoException & { port?: number } =
    error instanceof Error ? error : new Error();
  const name = port === METRICS_PORT ? 'METRICS_PORT' : 'PORT';
  if (code === 'EADDRINUSE')
    return `Port ${port} of ${HOST} is in use; stop what listens there, or choose another with ${name}.`;
  if (code === 'EACCES')
    return `Cannot listen on ${HOST} port ${port} (${code}); choose others with HOST and ${name}.`;
  return `The API could not start: ${messageOf(error)}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function refuse(problems: readonly string[]): never {
  fail(exitCodes.misconfigured, [
    'The configuration cannot be used:',
    ...problems.map((line) => `  ${line}`),
    '`ondemand-server --help` lists all variables.',
  ]);
}

function fail(code: number, lines: readonly string[]): never {
  process.stderr.write(`${lines.join('\n')}\n`);
  process.exit(code);
}
