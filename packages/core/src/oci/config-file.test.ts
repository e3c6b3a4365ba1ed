// What people and tools write into OCI's configuration file.

import { expect, test } from 'vitest';
import { parseOciConfigFile } from './config-file.ts';

test('values come from the profile, else from DEFAULT', () => {
  const file = parseOciConfigFile(
    '[DEFAULT]\nregion=eu-frankfurt-1\nuser=a\n\n[VM]\nuser = b \nempty=\n',
  );
  expect(file.profiles).toEqual(['DEFAULT', 'VM']);
  expect(file.get('VM', 'user')).toBe('b');
  expect(file.get('VM', 'region')).toBe('eu-frankfurt-1');
  expect(file.get('VM', 'empty')).toBeUndefined();
  expect(file.get('VM', 'key_file')).toBeUndefined();
  expect(file.get('other', 'user')).toBe('a');
});

test.each([
  ['CRLF line ends', '[A]\r\nuser=b\r\n'],
  ['a byte order mark', '\uFEFF[A]\nuser=b\n'],
  ['comments', '# one\n[A]\n; two\nuser=b\n  # three=x'],
  ['a colon', '[A]\nuser: b'],
  ['capitals in the key', '[A]\nUser=b'],
  ['spaces in the brackets', '[ A ]\nuser=b'],
  ['a profile that comes twice', '[A]\nuser=x\n[B]\nuser=y\n[A]\nuser=b'],
  ['a line that is neither', '[A]\nnonsense\nuser=b'],
  ['a value before any profile', 'user=x\n[A]\nuser=b'],
])('%s are read as OCI means them', (_, text) => {
  expect(parseOciConfigFile(text).get('A', 'user')).toBe('b');
});

test('a value keeps its own equals signs and colons', () => {
  expect(parseOciConfigFile('[A]\npass_phrase=a=b:c').get('A', 'pass_phrase')).toBe('a=b:c');
});

test.each(['', '\n\n', '[]', '=', 'x'])('%j holds no profile', (text) => {
  expect(parseOciConfigFile(text).profiles).toEqual([]);
});

test('names of the language are no values', () => {
  expect(parseOciConfigFile('[A]\nx=y').get('A', '__proto__')).toBeUndefined();
  expect(parseOciConfigFile('[A]\nx=y').get('constructor', 'name')).toBeUndefined();
});
