// Streams of objects, cut at every byte.

import { expect, test } from 'vitest';
import { createJsonObjects } from './objects.ts';

function read(stream: string, { maxBytes = 100, size = 1 } = {}): string[] {
  const found: string[] = [];
  const objects = createJsonObjects({ maxBytes, onObject: (text) => found.push(text) });
  const bytes = Buffer.from(stream);
  for (let at = 0; at < bytes.length; at += size) objects.push(bytes.subarray(at, at + size));
  return found;
}

test.each([
  ['one a line', '{"a":1}\n{"b":2}\n', ['{"a":1}', '{"b":2}']],
  ['with a carriage return', '{"a":1}\r\n{"b":2}\r\n', ['{"a":1}', '{"b":2}']],
  ['one right after the other', '{"a":1}{"b":2}', ['{"a":1}', '{"b":2}']],
  ['with objects inside', '{"a":{"b":{}}}\n', ['{"a":{"b":{}}}']],
  ['with braces in a text', '{"a":"}{"}\n{"b":"\\"}"}\n', ['{"a":"}{"}', '{"b":"\\"}"}']],
  ['with a backslash at the end of a text', '{"a":"\\\\"}{"b":2}', ['{"a":"\\\\"}', '{"b":2}']],
  ['in another script', '{"ключ":"🐳"}\n', ['{"ключ":"🐳"}']],
  ['with other things between', 'oops }" \n [{"a":1}, \n\n{"b":2}', ['{"a":1}', '{"b":2}']],
  ['after a broken line', '{"a":"x\n{"b":2}\n', ['{"b":2}']],
  ['after one that is too long', `{"a":"${'x'.repeat(200)}"}\n{"b":2}\n`, ['{"b":2}']],
  ['after a long one in the same line', `{"a":"${'x'.repeat(200)}"}{"b":2}`, ['{"b":2}']],
  ['that is not over', '{"a":1}\n{"b":', ['{"a":1}']],
])('finds objects %s', (_name, stream, objects) => {
  const length = Buffer.byteLength(stream);
  for (let size = 1; size <= length; size += 1) expect(read(stream, { size })).toEqual(objects);
});
