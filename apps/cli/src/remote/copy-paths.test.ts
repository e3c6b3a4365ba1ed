import { expect, test } from 'vitest';
import { parseCopy, readFirstKind, readFirstLink, toTarget } from './copy-paths.ts';

test.each([
  ['web:/etc/x', 'x', { direction: 'download', container: 'web', remote: '/etc/x', local: 'x' }],
  ['x', 'web:etc', { direction: 'upload', container: 'web', remote: '/etc', local: 'x' }],
  ['./a:b', 'web:/c', { direction: 'upload', container: 'web', remote: '/c', local: './a:b' }],
  ['/a:b', 'web:/c:d', { direction: 'upload', container: 'web', remote: '/c:d', local: '/a:b' }],
  ['web:/x', '-', { direction: 'download', container: 'web', remote: '/x', local: '-' }],
])('%s to %s', (source, destination, copy) => {
  expect(parseCopy(source, destination)).toEqual(copy);
});

test.each([
  ['a', 'b', 'neither'],
  ['./web:/a', '/b', 'neither'],
  ['web:/a', 'db:/b', 'not from one container to another'],
  ['web:', 'b', 'needs a path in the container'],
  ['web:/a', '', 'needs a path on this machine'],
  ['a', 'web:/b\nc', 'line break'],
])('%s to %s is refused', (source, destination, message) => {
  expect(() => parseCopy(source, destination)).toThrow(message);
});

const file = (path: string) => ({ path, kind: 'file', base: 'x' }) as const;
const folder = (path: string) => ({ path, kind: 'folder', base: 'x' }) as const;

test.each([
  [file('/x'), '/to', 'folder', { folder: '/to', name: 'x' }],
  [file('/x'), '/to/y', 'file', { folder: '/to', name: 'y' }],
  [file('/x'), '/to/y', undefined, { folder: '/to', name: 'y' }],
  [file('/x'), 'y', undefined, { folder: '.', name: 'y' }],
  [file('/x'), '/y', undefined, { folder: '/', name: 'y' }],
  [folder('/x'), '/to', 'folder', { folder: '/to', name: 'x' }],
  [folder('/x/.'), '/to', 'folder', { folder: '/to', name: '' }],
  [folder('.'), '/to', 'folder', { folder: '/to', name: '' }],
  [folder('/x'), '/to/y', undefined, { folder: '/to', name: 'y' }],
  [folder('/x/.'), '/to/y/', undefined, { folder: '/to', name: 'y' }],
] as const)('%j to %s, a %s, goes to %j', (source, path, kind, target) => {
  expect(toTarget(source, { path, kind })).toEqual(target);
});

test.each([
  [folder('/x'), '/to/y', 'file', 'cannot be copied onto'],
  [file('/x'), '/to/y/', undefined, 'There is no folder /to/y/'],
  [file('/x'), '/to/y/.', undefined, 'There is no folder'],
] as const)('%j to %s, a %s, is refused', (source, path, kind, message) => {
  expect(() => toTarget(source, { path, kind })).toThrow(message);
});

test('what an archive begins with is told by its header, behind extended ones', () => {
  const header = (type: string, size = 0) => {
    const block = Buffer.alloc(512);
    block.write(size.toString(8).padStart(11, '0'), 124);
    block.write(type, 156);
    return block;
  };
  expect(readFirstKind(Buffer.alloc(0))).toBeUndefined();
  expect(readFirstKind(header('0').subarray(0, 511))).toBeUndefined();
  expect(readFirstKind(header('5'))).toBe('folder');
  expect(readFirstKind(header('0'))).toBe('file');
  expect(readFirstKind(header('\0'))).toBe('file');
  const extended = Buffer.concat([header('x', 600), Buffer.alloc(1024)]);
  expect(readFirstKind(extended)).toBeUndefined();
  expect(readFirstKind(Buffer.concat([extended, header('5')]))).toBe('folder');
  const link = header('2');
  link.write('../to/a b', 157);
  expect(readFirstLink(link)).toBe('../to/a b');
  expect(readFirstLink(header('0'))).toBeUndefined();
});
