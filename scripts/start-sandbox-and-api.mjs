// `pnpm start`: builds, then runs the sandbox and the API in front of it until Ctrl-C.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { onLauncherGone } from './end-with-parent.mjs';
import { build, root } from './run-installed-tool.mjs';

const options = readOptions();
if (options.help) {
  process.stdout.write(`Usage: pnpm start [--json]

Builds, then starts the sandbox (a VM with Docker, OCI, an issuer of tokens) and the API in front of it.
PORT and HOST choose where the API listens (127.0.0.1:5000); LOG_LEVEL how much it says on stderr (silent).
--json prints one line {"url","docs","tokens","env"} once the API answers, and nothing else.
`);
  process.exit(0);
}

let isStopped = false;
/** Resolves at the first request to stop, however early it came. */
const stopped = new Promise((resolve) => {
  const stop = () => {
    isStopped = true;
    resolve();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  onLauncherGone(stop);
});

/** Long enough to see a wake in its stages. */
const durations = { startMs: 2000, stopMs: 1000, softStopMs: 2000, bootMs: 2000 };

process.exitCode = await main();

function readOptions() {
  const flag = { type: 'boolean', default: false };
  try {
    return parseArgs({ options: { json: flag, help: flag } }).values;
  } catch (error) {
    process.stderr.write(`${error.message}; see pnpm start --help\n`);
    process.exit(2);
  }
}

async function main() {
  process.stderr.write('Building…\n');
  const built = await build();
  if (isStopped) return 0; // the build has ended with the same Ctrl-C
  if (built !== 0) return built;

  const { startSandbox } = await import('../packages/sandbox/dist/index.js');
  const sandbox = await startSandbox({ durations });
  try {
    return isStopped ? 0 : await serve(sandbox);
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
}

async function serve(sandbox) {
  // At any other level each action leaves its lines of the audit, and the tokens scroll away.
  const env = { LOG_LEVEL: 'silent', ...process.env, ...sandbox.env };
  const api = spawn(process.execPath, ['packages/server/bin/ondemand-server.js'], {
    cwd: root,
    env,
    stdio: ['ignore', 2, 'inherit', 'ipc'],
    detached: true, // Ctrl-C reaches this process alone, which then stops the API in order
  });
  const exited = once(api, 'exit');
  try {
    const listening = once(api, 'message').then(([message]) => message.url);
    const url = await Promise.race([listening, exited.then(() => undefined), stopped]);
    if (url === undefined) return isStopped ? 0 : (api.exitCode ?? 1);
    const tokens = { read: await sandbox.tokens.read(), admin: await sandbox.tokens.admin() };
    const docs = `${url}/docs`;
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ url, docs, tokens, env: sandbox.env })}\n`
        : toWelcome({ url, docs, tokens }),
    );
    await Promise.race([exited, stopped]);
    return isStopped ? 0 : (api.exitCode ?? 1);
  } finally {
    api.kill('SIGTERM');
    await exited;
  }
}

function toWelcome({ url, docs, tokens }) {
  return `
Containers Control On-Demand, with a sandbox behind it

  API    ${url}
  Docs   ${docs}
  Page   ${url}/ (in a browser: sign in, or paste a token)

  export URL=${url}
  export TOKEN=${tokens.admin}
  export READ_TOKEN=${tokens.read}

Paste the three lines above into another terminal; then every line of the README works there, for example:

  curl -H "Authorization: Bearer $READ_TOKEN" $URL/vm/status
  curl -H "Authorization: Bearer $READ_TOKEN" $URL/containers
  curl -X POST -H "Authorization: Bearer $TOKEN" $URL/containers/nginx/restart
  curl -H "Authorization: Bearer $TOKEN" "$URL/containers/nginx/logs?lines=50"

  export ONDEMAND_URL=$URL ONDEMAND_TOKEN=$TOKEN
  npx --yes pnpm@10 ondemand status
  npx --yes pnpm@10 ondemand logs nginx -n 20
  npx --yes pnpm@10 ondemand vm stop --yes --wait
  npx --yes pnpm@10 ondemand wake

or log in as a person would:

  npx --yes pnpm@10 ondemand login --url ${url}

Ctrl-C stops all of it.
`;
}
