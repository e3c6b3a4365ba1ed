// Readings of compose's path labels: v1's are relative to a folder that no label names, and commas join as well as name.

import { expect, test } from 'vitest';
import { listComposeSources, pathsOf } from './project-locations.ts';

function readingsOf(workingDir: string, configFiles: string, environmentFiles = '') {
  return listComposeSources({ workingDir, configFiles, environmentFiles });
}

test('absolute files are run from the working directory, which they name', () => {
  expect(readingsOf('/srv/home', '/srv/home/compose.yaml', '/srv/home/prod.env')).toEqual([
    {
      folder: '/srv/home',
      files: ['/srv/home/compose.yaml'],
      environmentFiles: ['/srv/home/prod.env'],
    },
  ]);
});

test.each([
  ['called in the folder', '/q/app', 'docker-compose.yml', '/q/app', '/q/app/docker-compose.yml'],
  ['called above', '/q/app', 'app/docker-compose.yml', '/q', '/q/app/docker-compose.yml'],
  ['called two above', '/q/a/b', 'a/b/x.yml', '/q', '/q/a/b/x.yml'],
  ['called at the root', '/app', 'app/x.yml', '/', '/app/x.yml'],
  ['called below', '/q/app', '../x.yml', '/q/app', '/q/app/x.yml'],
  ['called two below', '/q/app', '../../x.yml', '/q/app', '/q/app/x.yml'],
  ['called beside', '/q/app', '../app/x.yml', '/q/app', '/q/app/../app/x.yml'],
  ['called two beside', '/q/a/b', '../../a/b/x.yml', '/q/a/b', '/q/a/b/../../a/b/x.yml'],
  ['called two below, one beside', '/q/a', '../../a/x.yml', '/q/a', '/q/a/x.yml'],
  ['beside, but another folder', '/q/app', '../shared/x.yml', '/q/app', '/q/app/../shared/x.yml'],
])('%s: the first reading of %s and %s is in %s', (_name, ...[dir, files, folder, path]) => {
  const [first] = readingsOf(dir, files);
  expect(first?.folder).toBe(folder);
  expect(first && pathsOf(first)).toEqual([path]);
});

test('where --project-directory could have been given, that is the second reading', () => {
  const readings = readingsOf('/q/app', 'app/docker-compose.yml,app/prod.yml', 'prod.env');
  expect(readings).toEqual(
    expect.arrayContaining([
      {
        folder: '/q',
        files: ['app/docker-compose.yml', 'app/prod.yml'],
        environmentFiles: ['prod.env'],
      },
      {
        folder: '/q/app',
        files: ['app/docker-compose.yml', 'app/prod.yml'],
        environmentFiles: ['prod.env'],
      },
    ]),
  );
});

test('where it must have been given, the file is in that folder or in one above', () => {
  expect(readingsOf('/q/deploy', 'app/x.yml').map((source) => pathsOf(source)[0])).toEqual([
    '/q/deploy/app/x.yml',
    '/q/app/x.yml',
    '/app/x.yml',
  ]);
});

test('what is relative to a folder that cannot be known is looked for in the working directory alone', () => {
  expect(readingsOf('/q/app', '../x.yml', 'prod.env').map(pathsOf)).toEqual([
    ['/q/app/../x.yml', '/q/app/prod.env'],
  ]);
});

test('a comma joins files, or is part of a name', () => {
  expect(readingsOf('/q/a,b', '/q/a,b/x.yml').map(({ files }) => files)).toEqual([
    ['/q/a', 'b/x.yml'],
    ['/q/a,b/x.yml'],
  ]);
  expect(
    readingsOf('/q/a,b', '/q/a,b/x.yml,/q/a,b/y.yml').map(({ files }) => files),
  ).toContainEqual(['/q/a,b/x.yml', '/q/a,b/y.yml']);
});

test('a list of commas makes no endless list of readings', () => {
  const many = Array.from({ length: 32 }, (_, index) => `${index}/x.yml`).join(',');
  expect(readingsOf(`/${'a/'.repeat(40)}z`, many).length).toBeLessThanOrEqual(32);
});
