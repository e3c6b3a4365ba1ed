// Where `ondemand-server` starts: its arguments, and then only what they ask for is loaded.

import { type Arguments, readArguments } from './arguments.ts';

const args = readOrRefuse();
if (args?.health && !args.help) {
  const { findHealthProblem } = await import('./health-command.ts');
  const problem = await findHealthProblem(process.env, args.envFile);
  if (problem !== undefined) process.stderr.write(`${problem}\n`);
  process.exitCode = problem === undefined ? 0 : 1; // Docker knows no other
} else if (args !== undefined) {
  const { main } = await import('./main.ts');
  await main(args);
}

function readOrRefuse(): Arguments | undefined {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${message}\nSee \`ondemand-server --help\`.\n`);
    process.exitCode = 2;
    return undefined;
  }
}
