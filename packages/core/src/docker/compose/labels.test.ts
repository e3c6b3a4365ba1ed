// Compose labels, honest and forged.

import { expect, test } from 'vitest';
import { isInside, readComposeLabels } from './labels.ts';

const honest = {
  'com.docker.compose.project': 'home',
  'com.docker.compose.service': 'web',
  'com.docker.compose.project.working_dir': '/srv/home',
  'com.docker.compose.project.config_files': '/srv/home/compose.yaml',
};

test('readComposeLabels() reads the absolute files of v2', () => {
  const labels = {
    ...honest,
    'com.docker.compose.project.config_files': '/srv/home/compose.yaml,/srv/home/prod.yaml',
    'com.docker.compose.project.environment_file': '/srv/home/.env.prod',
  };
  expect(readComposeLabels(labels)).toEqual({
    target: {
      project: 'home',
      service: 'web',
      workingDir: '/srv/home',
      sources: expect.arrayContaining([
        {
          folder: '/srv/home',
          files: ['/srv/home/compose.yaml', '/srv/home/prod.yaml'],
          environmentFiles: ['/srv/home/.env.prod'],
        },
      ]),
      madeBy: undefined,
    },
  });
});

test('readComposeLabels() takes the names that v1 takes', () => {
  const labels = { ...honest, 'com.docker.compose.project': '_config' };
  expect(readComposeLabels(labels)).toMatchObject({ target: { project: '_config' } });
});

test('readComposeLabels() knows which compose has made it', () => {
  for (const [version, madeBy] of [
    ['1.29.2', 'v1'],
    ['2.26.1', 'v2'],
    ['v2.39.1', 'v2'],
    ['5.0.0', 'v2'],
    ['dev', undefined],
  ] as const) {
    const labels = { ...honest, 'com.docker.compose.version': version };
    expect(readComposeLabels(labels)).toMatchObject({ target: { madeBy } });
  }
});

test('readComposeLabels() takes what a shell would choke on as it is: it never meets one', () => {
  for (const folder of [
    '/srv/a b',
    "/srv/it's",
    '/srv/$(touch x)',
    '/srv/`id`;reboot',
    '/srv/-f',
  ]) {
    const labels = { ...honest, 'com.docker.compose.project.working_dir': folder };
    expect(readComposeLabels(labels)).toMatchObject({ target: { workingDir: folder } });
  }
});

test.each([
  ['no labels at all', {}, 'not made by Docker Compose'],
  ['labels of something else', { 'org.example': 'x' }, 'not made by Docker Compose'],
  ['an upper-case project', { project: 'Home' }, 'project has no valid name'],
  ['a project that is an option', { project: '-f' }, 'project has no valid name'],
  ['a project with a path', { project: '../etc' }, 'project has no valid name'],
  ['a project with a newline', { project: 'home\n' }, 'project has no valid name'],
  ['a project with a command', { project: '$(touch x)' }, 'project has no valid name'],
  ['a missing project', { project: undefined }, 'project has no valid name'],
  ['a service that is an option', { service: '--help' }, 'service has no valid name'],
  ['a service with a space', { service: 'a b' }, 'service has no valid name'],
  ['a missing service', { service: undefined }, 'service has no valid name'],
  ['a one-off container', { oneoff: 'True' }, 'one-off'],
  ['a relative working directory', { 'project.working_dir': 'srv' }, 'working directory'],
  ['a missing working directory', { 'project.working_dir': undefined }, 'working directory'],
  ['a working directory with a newline', { 'project.working_dir': '/srv\n/etc' }, 'directory'],
  ['a working directory with NUL', { 'project.working_dir': '/srv\0' }, 'directory'],
  ['no files', { 'project.config_files': undefined }, 'compose files'],
  ['an empty file', { 'project.config_files': '/a.yml,,/b.yml' }, 'compose files'],
  ['a file from stdin', { 'project.config_files': '-' }, 'compose files'],
  ['a file with a newline', { 'project.config_files': '/a\n.yml' }, 'compose files'],
  ['a file with an escape sequence', { 'project.config_files': '/a\u001b[2J' }, 'compose files'],
  ['too many files', { 'project.config_files': Array(33).fill('/a').join(',') }, 'compose files'],
  ['an endless file', { 'project.config_files': `/${'a'.repeat(5000)}` }, 'compose files'],
  ['a bad environment file', { 'project.environment_file': '/a\r' }, 'environment file'],
])(
  'readComposeLabels() refuses %s',
  (_name, changes: Record<string, string | undefined>, words) => {
    const base = words.startsWith('not made') ? {} : honest;
    const labels: Record<string, string> = { ...base };
    for (const [name, value] of Object.entries(changes)) {
      const key = `com.docker.compose.${name}`;
      if (value === undefined) delete labels[key];
      else labels[key] = value;
    }
    const reading = readComposeLabels(labels);
    expect(reading).toEqual({ reason: expect.stringContaining(words) });
  },
);

test.each([
  ['/srv/home', '/srv', true],
  ['/srv', '/srv', true],
  ['/srv', '/srv/', true],
  ['/srv/home', '/srv/', true],
  ['/srvx', '/srv', false],
  ['/', '/srv', false],
  ['/etc', '/', true],
  ['/', '/', true],
  ['/srv-evil/home', '/srv', false],
])('isInside(%j, %j) is %j', (path, root, expected) => {
  expect(isInside(path, root)).toBe(expected);
});
