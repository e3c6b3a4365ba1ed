// What `ondemand-server` was called with. Loads nothing else: a health check has to be cheap.

import { parseArgs } from 'node:util';

/** Throws for what is none of its arguments. */
export function readArguments(args: readonly string[]) {
  // Before `--env-file` it keeps Node 20 from taking that for its own, wherever the launchers let it stand: nodejs/node#54232.
  const own = args[0] === '--' ? args.slice(1) : [...args];
  const { 'env-file': envFiles = [], ...flags } = parseArgs({
    args: own,
    options: {
      'env-file': { type: 'string', multiple: true },
      check: { type: 'boolean', default: false },
      health: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values;
  const [envFile, another] = envFiles;
  if (another !== undefined)
    throw new Error(`--env-file takes one file, and ${another} is another.`);
  if (flags.json && !flags.check) throw new Error('--json goes with --check alone.');
  if (flags.check && flags.health) throw new Error('--check and --health do not go together.');
  return { ...flags, envFile };
}

export type Arguments = ReturnType<typeof readArguments>;
