import { expect, test } from 'vitest';
import { root } from '../commands/root.ts';
import { createStyle } from '../output/style.ts';
import type { Command, Group } from './command.ts';
import { toHelp } from './help.ts';
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
