// Any command line: an exit code that is documented, one line on stderr where it fails, and never a stack or the token.

import { PassThrough } from 'node:stream';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from './cli.ts';
import { root } from './commands/all-commands.ts';
import { exitCodes } from './exit-codes.ts';
import type { Streams } from './output/output.ts';
import { healthy } from './testing/fixtures.test-support.ts';
import { collect, token } from './testing/run-bin.test-support.ts';
import { type StubApi, startStubApi } from './testing/stub-api.test-support.ts';

let api: StubApi;
beforeAll(async () => {
  api = await startStubApi(healthy);
});
afterAll(() => api[Symbol.asyncDispose]());

/** They run programs of the user, ask an issuer or the network; what `doctor` found wrong is its result. */
const others = new Set([
  'ssh',
  'exec',
  'cp',
  'port-forward',
  'run',
  'open',
  'login',
  'logout',
  'doctor',
]);
const names = root.commands.map(({ name }) => name).filter((name) => !others.has(name));

const word = fc.oneof(
  fc.constantFrom(...names, 'status', 'vm', 'stop', 'start', 'console', 'ls', 'use', 'help'),
  fc.constantFrom('nginx', 'ngnix', '5', '2h', 'GET', '/vm/status', 'bash', 'x'.repeat(300)),
  fc.constantFrom('--json', '--yes', '-q', '-n', '-n5', '--lines=all', '--wait', '--timeout', '1s'),
  fc.constantFrom('--url', 'http://x:y@z', '--context', '--', '-', '--=', '-=', '---', '--help'),
  fc.constantFrom(
    '--lines=',
    '--lines=-5',
    '--lines=1e2',
    '--since',
    '--since=x',
    '--for=0',
    '-abc',
  ),
  fc.constantFrom('', ' ', '\n', '\0', '\u001b[31m', '../..', '%00', '__proto__', 'constructor'),
  fc.constantFrom('--__proto__=1', '--constructor', '--json=false', '--no-json', '$(reboot)', 'é'),
  fc.string({ unit: 'binary', maxLength: 10 }),
);

const argv = fc.oneof(
  fc
    .tuple(fc.constantFrom(...names), fc.array(word, { maxLength: 5 }))
    .map(([name, rest]) => [name, ...rest]),
  fc.array(word, { maxLength: 6 }),
);

async function run(line: readonly string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const [readStdout, readStderr] = [collect(stdout), collect(stderr)];
  const leaving = new AbortController();
  const timer = setTimeout(() => leaving.abort(), 300); // what follows has no end
  const exitCode = await runCli({
    argv: line,
    env: {
      XDG_CONFIG_HOME: '/nonexistent',
      PATH: '/nonexistent',
      ONDEMAND_URL: api.url,
      ONDEMAND_TOKEN: token,
    },
    streams: { stdin, stdout, stderr } as unknown as Streams, // all that is asked of them
    signal: leaving.signal,
  });
  clearTimeout(timer);
  return { exitCode, stdout: readStdout(), stderr: readStderr() };
}

test('any command line ends with a documented exit code, and tells a failure in one line', async () => {
  await fc.assert(
    fc.asyncProperty(argv, async (line) => {
      fc.pre(!line.some((each) => others.has(each)));
      const { exitCode, stdout, stderr } = await run(line);
      const told = `${exitCode}\n${stdout.slice(0, 300)}\n${stderr}`;
      expect(Object.values(exitCodes), told).toContain(exitCode);
      expect(stdout + stderr, told).not.toContain(token);
      expect(stderr, told).not.toMatch(
        /\n\s+at |TypeError|RangeError|ReferenceError|node:internal/,
      );
      const end = line.indexOf('--');
      const isJson = (end < 0 ? line : line.slice(0, end)).includes('--json');
      if (exitCode === exitCodes.done || exitCode === exitCodes.interrupted) {
        if (exitCode === exitCodes.done && isJson && stdout.startsWith('{'))
          for (const text of toJsonTexts(stdout)) JSON.parse(text);
        return;
      }
      const failure =
        stderr
          .split('\n')
          .filter((text) => text !== '')
          .at(-1) ?? '';
      expect(failure, told).toMatch(/^\P{Cc}+$/u); // nor anything that a terminal would obey
      if (exitCode === exitCodes.usage) expect(stderr, told).toMatch(/^[^\n]+\n$/);
      if (isJson) JSON.parse(failure);
    }),
  );
});

/** One value over several lines, or one a line. */
function toJsonTexts(stdout: string): string[] {
  return stdout.startsWith('{\n') ? [stdout] : stdout.trimEnd().split('\n');
}
