// What is kept of a JSON text, wherever it is cut.

import { expect, test } from 'vitest';
import {
  createJsonFilter,
  type JsonFilterOptions,
  JsonTooLargeError,
} from './keep-wanted-fields.ts';

const list = [
  {
    Id: 'a"\\é',
    Names: ['/web', '/x/y'],
    Labels: { one: '1', 'two\n': '{"[', three: '"' },
    Host: { Big: ['x'.repeat(100), { y: [] }], n: -1.5e3 },
    Ports: [{ PrivatePort: 80 }, {}],
    State: null,
    Count: 12,
    Empty: {},
    On: true,
  },
  { Id: 'b', Labels: null },
  {},
];
const wanted = {
  Id: true,
  Names: true,
  Labels: (key: string) => key !== 'one',
  Host: { n: true },
  Ports: { PrivatePort: true },
  State: true,
  Empty: { none: true },
  On: true,
} as const;
const left = [
  {
    Id: 'a"\\é',
    Names: ['/web', '/x/y'],
    Labels: { 'two\n': '{"[', three: '"' },
    Host: { n: -1.5e3 },
    Ports: [{ PrivatePort: 80 }, {}],
    State: null,
    Empty: {},
    On: true,
  },
  { Id: 'b', Labels: null },
  {},
];

function filter(text: string, options: JsonFilterOptions, cut?: number): string {
  const json = createJsonFilter(options);
  const bytes = Buffer.from(text);
  for (const piece of cut === undefined ? [bytes] : [bytes.subarray(0, cut), bytes.subarray(cut)])
    json.push(piece);
  return json.end();
}

test('keeps what is wanted of a list, wherever it is cut, with blanks or without', () => {
  for (const indent of [0, 2]) {
    const text = JSON.stringify(list, undefined, indent);
    for (let cut = 0; cut <= Buffer.byteLength(text); cut += 1)
      expect(JSON.parse(filter(text, { wanted }, cut))).toEqual(left);
  }
  const bytes = createJsonFilter({ wanted });
  for (const byte of Buffer.from(JSON.stringify(list))) bytes.push(Buffer.of(byte));
  expect(JSON.parse(bytes.end())).toEqual(left);
});

test('what is no JSON stays none, and what is no object stays what it is', () => {
  for (const text of ['<html>', '[{"Id":', '', '[{"Id":}]', '{Id:1}', '[1,']) {
    expect(() => JSON.parse(filter(text, { wanted }))).toThrow(SyntaxError);
  }
  for (const text of ['null', '12', '"text"', '[1,2]', '{"other":1}'])
    expect(JSON.parse(filter(text, { wanted }))).toEqual(
      text === '{"other":1}' ? {} : JSON.parse(text),
    );
});

test('a comma outside of everything ends the reading as any other byte does', () => {
  // It was read over and over again, without end.
  for (const text of [',', ' ,[]', '"a",', '[],', '1,2', '{},{}', ',,,'])
    expect(() => JSON.parse(filter(text, { wanted }))).toThrow(SyntaxError);
});

test('members that do not fit into a map are left out and counted, the others stay', () => {
  const labels = { a: '1', big: 'x'.repeat(1000), b: '2', ['k'.repeat(5000)]: '3', c: '4' };
  const options = { wanted: { Labels: () => true }, maxMapBytes: 100 };
  const text = JSON.stringify({ Labels: labels });
  for (let cut = 0; cut < text.length; cut += 50)
    expect(JSON.parse(filter(text, options, cut))).toEqual({
      Labels: { a: '1', b: '2', c: '4', '…': '2 more, which are too big to be shown' },
    });
  expect(JSON.parse(filter('{"Labels":{"big":"xxxx"}}', { ...options, maxMapBytes: 1 }))).toEqual({
    Labels: { '…': '1 more, which are too big to be shown' },
  });
});

test('a hundred megabytes of labels leave nothing behind in memory', () => {
  const json = createJsonFilter({ wanted: { Id: true, Labels: () => true } });
  json.push(Buffer.from('{"Labels":{"a":"1","big":"'));
  const piece = Buffer.alloc(1024 * 1024, 'x');
  for (let n = 0; n < 100; n += 1) json.push(piece);
  json.push(Buffer.from('"},"Id":"c"}'));
  expect(json.end().length).toBeLessThan(200);
});

test('too much of what is wanted is an error', () => {
  const text = JSON.stringify({ Id: 'x'.repeat(1000) });
  expect(() => filter(text, { wanted, maxBytes: 500 })).toThrow(JsonTooLargeError);
});
