// `pnpm test`: builds, checks types, runs the lanes `unit` and `system` once, and says in its last line how that went.
// Arguments go to vitest: a path, a name with -t, or another lane with --project.

import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findLeftBehind } from './find-test-leftovers.mjs';
import { run } from './run-installed-tool.mjs';

/** Elsewhere the system's own folder is so deep that a socket's path in one below it would be too long. */
const hasShortPaths = process.platform === 'linux';

/** CI has what the tests need but for what the lines of `MAY_SKIP` name, so what else is skipped there is a hole that nobody sees. */
const { CI, MAY_SKIP = '' } = process.env;
const maySkip = MAY_SKIP.split('\n').filter((line) => line !== '');
const isRefused = (reason) =>
  CI === 'true' && !maySkip.some((beginning) => reason.startsWith(beginning));
const sum = (counts) => counts.reduce((total, count) => total + count, 0);

const usual = ['unit', 'system'].map((lane) => `--project=${lane}`);

process.exitCode = await main(process.argv.slice(2));

async function main(vitestArguments) {
  const built = await run('turbo', ['run', 'build', 'types', '--output-logs=errors-only']);
  if (built !== 0) {
    say('The build or the types failed, so no test ran.');
    return built;
  }
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-tests-'));
  try {
    const file = join(folder, 'results.json');
    const temporary = join(folder, 'tmp');
    await mkdir(temporary);
    for (const path of [folder, temporary]) await chmod(path, 0o755); // other users' files are in them, too
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const exitCode = await run('vitest', ['run', ...reporters, ...lanes(vitestArguments)], {
      env: hasShortPaths ? { TMPDIR: temporary } : {},
    });
    return report(await readResults(file), {
      exitCode,
      leftBehind: await findLeftBehind(temporary),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function lanes(vitestArguments) {
  const isChosen = vitestArguments.some((argument) => argument.startsWith('--project'));
  return isChosen ? vitestArguments : [...usual, ...vitestArguments];
}

/** Undefined when vitest died before it could write them. */
async function readResults(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function report(results, { exitCode, leftBehind }) {
  const files = results?.testResults ?? [];
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const passed = tests.filter(({ status }) => status === 'passed').length;
  const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');
  const failed = tests.filter(({ status }) => status === 'failed').length + countOutside(files);
  const skips = groupByReason(skipped);
  for (const [reason, count] of skips) say(`Skipped ${count} tests: ${reason}.`);
  const refused = sum([...skips].filter(([reason]) => isRefused(reason)).map(([, count]) => count));
  if (refused > 0) say(`In CI a skipped test is a failure: ${refused}.`);
  // A run can fail with all its tests green: an unhandled rejection, no test found, a crash.
  const isSilentFailure = exitCode !== 0 && failed === 0;
  if (isSilentFailure) say('The run itself failed, see above; it counts as one.');
  for (const what of leftBehind) say(`Left behind: ${what}.`);
  const failures = failed + (isSilentFailure ? 1 : 0) + leftBehind.length + refused;
  const counts = [`${passed} passed`, `${failures} failed`];
  if (skipped.length > refused) counts.push(`${skipped.length - refused} skipped`);
  say(counts.join(', '));
  return exitCode === 0 && failures > 0 ? 1 : exitCode;
}

/** Files that failed as a whole (an import, a `beforeAll`), so that none of their tests shows it. */
function countOutside(files) {
  return files.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
}

/** The reason stands in the title, or in that of the group: `… [skipped: real engine, dockerd is not installed]`. */
function groupByReason(skipped) {
  const groups = new Map();
  for (const { ancestorTitles, title: own } of skipped) {
    const told = [...ancestorTitles, own]
      .map((title) => /\[skipped: (.*)\]$/.exec(title)?.[1])
      .find(Boolean);
    const reason = told ?? 'filtered out, or their group could not start';
    groups.set(reason, (groups.get(reason) ?? 0) + 1);
  }
  return groups;
}

function say(line) {
  process.stdout.write(`${line}\n`);
}
