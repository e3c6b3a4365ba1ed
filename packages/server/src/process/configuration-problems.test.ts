import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expandHome } from '../config/value-parsers.ts';
import { parseConfig } from '../config/variables.ts';
import { checkEnvironment, findHomeless } from './configuration-problems.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'service-'));
  await writeFile(join(folder, 'config'), '[DEFAULT]\nregion=eu-frankfurt-1\n');
});
afterAll(() => rm(folder, { recursive: true }));

test('COMPOSE_ROOTS left out is told, with what to set', async () => {
  const { config } = parseConfig({});
  expect(await checkEnvironment(config, {})).toContainEqual(
    expect.stringMatching(/^COMPOSE_ROOTS: left out.*such as \/srv\/stacks$/),
  );
  const { config: set } = parseConfig({ COMPOSE_ROOTS: '/srv' });
  expect((await checkEnvironment(set, {})).join()).not.toContain('COMPOSE_ROOTS');
});

test('METRICS_PORT is another port than PORT', async () => {
  const told = async (port: string) => {
    const { config } = parseConfig({ METRICS_PORT: port });
    return (await checkEnvironment(config, {})).filter((line) => line.startsWith('METRICS_PORT: '));
  };
  expect(await told('5000')).toHaveLength(1);
  expect(await told('5001')).toEqual([]);
});

test('a file below ~ is told by its name where there is no home folder', () => {
  const none = () => {
    throw new Error('ENOENT');
  };
  expect(expandHome('/srv/x', none)).toBe('/srv/x');
  expect(expandHome('~/x', () => '/home/me')).toBe('/home/me/x');
  const path = expandHome('~/x', none);
  expect(findHomeless({ AUDIT_LOG_FILE: path, OCI_CONFIG_FILE: '/x', SSH_USER: '~' })).toEqual([
    expect.stringMatching(/^AUDIT_LOG_FILE: ~\/x .*HOME/),
  ]);
});

describe('where OCI_AUTH cannot be used, what is wrong whatever it should be is told beside it', () => {
  test.each<[string, Record<string, string>, string[]]>([
    ['a file that is not there', { OCI_CONFIG_FILE: 'none' }, ['OCI_CONFIG_FILE']],
    ['a profile that it lacks', { OCI_CONFIG_PROFILE: 'VM' }, ['OCI_CONFIG_PROFILE']],
    ['a region that is none', { OCI_REGION: 'a/b' }, ['OCI_REGION', 'OCI_CONFIG_PROFILE']],
    ['what only a key or only a session needs', {}, ['OCI_CONFIG_PROFILE']],
  ])('%s', async (_, { OCI_CONFIG_FILE = 'config', ...more }, names) => {
    const parsed = parseConfig({
      OCI_AUTH: 'password',
      OCI_CONFIG_FILE: join(folder, OCI_CONFIG_FILE),
      ...more,
    });
    const problems = await checkEnvironment(parsed.config, {});
    const ofOci = problems.filter((problem) => problem.startsWith('OCI_'));
    expect(ofOci.map((problem) => problem.split(':', 1)[0])).toEqual(names);
    expect(ofOci.join()).not.toMatch(/lacks (user|security_token_file)/);
  });
});
