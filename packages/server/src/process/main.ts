// The process: arguments and environment to a running service.

import { listVariables, toHelpText } from '../config/help.ts';
import { toHostProblem } from '../config/listen-host.ts';
import type { Config } from '../config/variables.ts';
import type { Arguments } from './arguments.ts';
import { createTraceFailureLog } from './log-audit-ssh-redis.ts';
import { createLogger } from './logger.ts';
import { type ConfigurationReading, readConfiguration } from './read-configuration.ts';

const usage = `Usage: ondemand-server [--env-file FILE]
       ondemand-server --check [--json] [--env-file FILE]
       ondemand-server --health [--env-file FILE]

Serves the Containers Control On-Demand API, configured from the environment.
What FILE says yields to what the environment says.
--check asks every layer that the API stands on, prints what works and what does not, and listens to nothing.
--health asks the server that runs with the same HOST and PORT for /healthz: exit code 0, or 1 and a line that says why.

Variables:
${toHelpText(listVariables())}
`;

/** Like other servers: 2 for a start that the operator must fix, 1 for what went wrong otherwise. */
const exitCodes = { misconfigured: 2, failed: 1 } as const;

/** Resolves once the API listens, or ends the process. */
export async function main({ help, check, json, envFile }: Arguments): Promise<void> {
  if (help) {
    process.stdout.write(usage);
    return;
  }
  const read = () => readConfiguration(process.env, envFile);
  const reading = await read();
  if (check) await runCheck(reading, json);
  const { config, problems, warnings } = reading;
  if (config === undefined) refuse(problems, warnings);
  const tracing = await openTracing(config, (err) => logTraceFailure(err));
  const logger = await createLogger({
    level: config.LOG_LEVEL,
    isTerminal: process.stdout.isTTY,
    toFields: tracing?.toLogFields,
  });
  const logTraceFailure = createTraceFailureLog(logger);
  for (const problem of warnings) logger.warn({ problem }, 'check the configuration');
  // Behind all that ends a start: whoever asks for help, or has to mend the configuration, does not wait for it.
  const { startService } = await import('./service.ts');
  const service = await startService(config, { logger, tracing, recheck: read }).catch(
    (error: unknown) => {
      const problem = toHostProblem(error, config);
      if (problem !== undefined) refuse([problem]);
      fail(exitCodes.failed, [toStartFailure(error, config)]);
    },
  );
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

/** The SDK is loaded only where it is wanted. */
async function openTracing(config: Config, onFailure: (error: unknown) => void) {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = config;
  if (endpoint === undefined) return undefined;
  const { createTracing } = await import('../tracing/tracing.ts');
  return createTracing({ ...config, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, onFailure });
}

/** Ends the process. */
async function runCheck(reading: ConfigurationReading, json: boolean): Promise<never> {
  const { checkAll, toCheckText } = await import('../diagnosis/ondemand-server-check.ts');
  const diagnosis = await checkAll(reading);
  const text = json
    ? `${JSON.stringify(diagnosis)}\n`
    : toCheckText(diagnosis, process.stdout.isTTY === true);
  await new Promise((resolve) => process.stdout.write(text, resolve));
  process.exit(diagnosis.ok ? 0 : exitCodes.failed);
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

function refuse(problems: readonly string[], warnings: readonly string[] = []): never {
  const indent = (line: string) => `  ${line}`;
  fail(exitCodes.misconfigured, [
    'The configuration cannot be used:',
    ...problems.map(indent),
    ...(warnings.length > 0 ? ['Warnings, which do not keep it from starting:'] : []),
    ...warnings.map(indent),
    '`ondemand-server --help` lists all variables.',
  ]);
}

function fail(code: number, lines: readonly string[]): never {
  process.stderr.write(`${lines.join('\n')}\n`);
  process.exit(code);
}
