import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { root } from '../commands/all-commands.ts';
import { variables } from '../environment.ts';
import { createStyle } from '../output/style.ts';
import type { Command, Group } from './command.ts';
import { toHelp, toTopicHelp } from './help.ts';
import { helpTopics } from './help-topics.ts';
import { parseInvocation } from './parse.ts';

const all = await collect([], root);

test('every command is found', () => {
  expect(all.map(({ path }) => path.join(' '))).toEqual([
    '',
    'status',
    'wake',
    'keep',
    'idle',
    'vm',
    'vm status',
    'vm start',
    'vm stop',
    'vm reboot',
    'vm reset',
    'vm console',
    'ps',
    'start',
    'stop',
    'restart',
    'rebuild',
    'logs',
    'open',
    'inspect',
    'stats',
    'ssh',
    'exec',
    'port-forward',
    'cp',
    'run',
    'events',
    'jobs',
    'audit',
    'api',
    'login',
    'context',
    'context ls',
    'context use',
    'context rename',
    'context rm',
    'logout',
    'whoami',
    'doctor',
    'completion',
    'version',
  ]);
});

test.each(all)('ondemand $path --help has usage, flags and examples', ({ path, subject }) => {
  const help = toHelp(path, subject, createStyle(false));
  expect(help).toContain(`\nUSAGE\n  ${['ondemand', ...path].join(' ')} `);
  expect(help).toContain('\nGLOBAL FLAGS\n');
  expect(help).toContain('\nEXAMPLES\n  $ ');
  expect(help).toMatch(/[^\n]\n$/);
  expect(help.split('\n').filter((line) => line.length > 100)).toEqual([]);
});

test.each(all.flatMap(({ subject }) => subject.examples))(
  'the example %s is understood',
  async (example) => {
    const lines = [
      ...example
        .replace('$(ondemand ps -q)', 'NAME')
        .replace('$(ondemand rebuild app -d)', 'ID')
        .matchAll(/ondemand ([^|&>)#]*)/g),
    ].map(([, words = '']) => words.trim());
    for (const line of lines) {
      await expect(parseInvocation(root, line.split(/ +/))).resolves.toBeDefined();
    }
    expect(lines.length).toBeGreaterThan(0);
  },
);

test.each(helpTopics)('ondemand help $name has a line for each term, and examples', (topic) => {
  const help = toTopicHelp(topic, createStyle(false));
  for (const [term] of topic.rows) expect(help).toMatch(new RegExp(`^${term} .*$`, 'm'));
  expect(help).toContain('\nEXAMPLES\n  $ ');
  expect(help.split('\n').filter((line) => line.length > 100)).toEqual([]);
});

test('the help of ondemand itself lists its commands under headings, the examples first', () => {
  const help = toHelp([], root, createStyle(false));
  const titles = [...help.matchAll(/^[A-Z][A-Z ]+$/gm)].map(([title]) => title);
  expect(titles).toEqual([
    'USAGE',
    'EXAMPLES',
    'VM COMMANDS',
    'CONTAINER COMMANDS',
    'HISTORY COMMANDS',
    'ACCESS COMMANDS',
    'CLI COMMANDS',
    'GLOBAL FLAGS',
    'ENVIRONMENT',
    'EXIT CODES',
    'MORE HELP',
  ]);
  expect(root.commands.filter(({ group }) => group === undefined)).toEqual([]);
});

test('every variable that the code reads is in the list, and docs/command-line.md names it', async () => {
  const source = fileURLToPath(new URL('..', import.meta.url));
  const files = (await readdir(source, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && !/\.test(-support)?\.ts$/.test(name),
  );
  const texts = await Promise.all(files.map((name) => readFile(join(source, name), 'utf8')));
  const read = texts.flatMap((text) => [
    ...[...text.matchAll(/\benv(?:\.|\[')([A-Z][A-Z_]+)/g)].map(([, name]) => name ?? ''),
    ...[...text.matchAll(/\b(ONDEMAND_[A-Z]+|XDG_[A-Z]+_HOME)\b/g)].map(([, name]) => name ?? ''),
  ]);
  // The system's own and Node's; named beside DISPLAY.
  const unlisted = new Set([
    'HOME',
    'NODE_USE_ENV_PROXY',
    'PATH',
    'SSH_CONNECTION',
    'WAYLAND_DISPLAY',
  ]);
  const names = variables.map(({ name }) => name);
  expect(new Set(read.filter((name) => !unlisted.has(name) && !names.includes(name)))).toEqual(
    new Set(),
  );
  const page = await readFile(new URL('../../../../docs/command-line.md', import.meta.url), 'utf8');
  expect(names.filter((name) => name.startsWith('ONDEMAND_') && !page.includes(name))).toEqual([]);
});

test('the help of ondemand itself lists environment and exit codes', () => {
  const help = toHelp([], root, createStyle(false));
  expect(help).toContain('ONDEMAND_TOKEN');
  expect(help).toMatch(/\n {2}130 +interrupted\n/);
});

async function collect(
  path: readonly string[],
  subject: Command | Group,
): Promise<{ path: readonly string[]; subject: Command | Group }[]> {
  if (subject.kind === 'command') return [{ path, subject }];
  const below = await Promise.all(
    subject.commands.map(async ({ name, load }) => collect([...path, name], await load())),
  );
  return [{ path, subject }, ...below.flat()];
}
