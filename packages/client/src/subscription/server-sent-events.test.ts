// The format, piece by piece: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

import { expect, test } from 'vitest';
import { costOfSixteenfold, linear } from '../testing/cpu-growth.test-support.ts';
import { createEventReader, type ServerSentEvent } from './server-sent-events.ts';

const message = (data: string, id?: string) => ({ type: 'message', data, id });

test.each<[string, string, ServerSentEvent[]]>([
  ['nothing', '', []],
  ['a line', 'data: a\n\n', [message('a')]],
  ['no space after the colon', 'data:a\n\n', [message('a')]],
  ['one space of two', 'data:  a\n\n', [message(' a')]],
  ['colons in the value', 'data: a:b: c\n\n', [message('a:b: c')]],
  ['several lines', 'data: a\ndata\ndata: b\n\n', [message('a\n\nb')]],
  ['a name and an id', 'event: ping\nid: 7\ndata: \n\n', [{ type: 'ping', data: '', id: '7' }]],
  ['an id taken back', 'id\ndata: a\n\n', [message('a', '')]],
  ['an id with a NUL', 'id: 1\0\ndata: a\n\n', [message('a')]],
  ['an id of one event alone', 'id: 1\ndata: a\n\ndata: b\n\n', [message('a', '1'), message('b')]],
  ['an event without data', 'event: ping\nid: 7\n\ndata: a\n\n', [message('a')]],
  ['comments, other fields and a retry', ': hi\nwhat: a\nretry: 5\ndata: a\n\n', [message('a')]],
  ['CR LF', 'data: a\r\ndata: b\r\n\r\n', [message('a\nb')]],
  ['CR', 'data: a\rdata: b\r\r: hi\n', [message('a\nb')]],
  ['blank lines between', '\n\ndata: a\n\n\n\ndata: b\n\n', [message('a'), message('b')]],
  ['what is cut off', 'data: a\n\ndata: b\nid: 2\n', [message('a')]],
])('reads %s, whole and cut anywhere', (_what, text, expected) => {
  expect([...createReader()(text)]).toEqual(expected);
  for (let at = 0; at <= text.length; at++) {
    const read = createReader();
    expect([...read(text.slice(0, at)), ...read(''), ...read(text.slice(at))]).toEqual(expected);
  }
  const read = createReader();
  expect([...text].flatMap((char) => [...read(char)])).toEqual(expected);
});

test.each([
  ['a line that does not end', 'data: 1234567'],
  ['a line that ends', 'data: 1234567890123\n'],
  ['a whole event', 'data: 1234567890123\n\n'],
  ['data of many lines', 'data: 1234\n'.repeat(3)],
  ['many lines of nothing', 'data\n'.repeat(14)],
])('refuses %s when it is too large, and gives what came before', (_what, text) => {
  for (const size of [1, 3, 1000]) {
    const read = createReader(12);
    const given: ServerSentEvent[] = [];
    expect(() => {
      for (const piece of toPieces(`data: ok\n\n${text}`, size))
        for (const event of read(piece)) given.push(event);
    }).toThrow('too large');
    expect(given).toEqual([message('ok')]);
  }
});

test('reads any number of events, each within the size', () => {
  const read = createReader(12);
  const events = toPieces('data: 12\nid: 3\n\n'.repeat(100), 7).flatMap((piece) => [
    ...read(piece),
  ]);
  expect(events).toEqual(Array.from({ length: 100 }, () => message('12', '3')));
});

test('takes a large event in small pieces in a time that grows with its size alone', () => {
  const piece = 'x'.repeat(100);
  const readPieces = (pieces: number) => {
    const read = createReader(40_000_000);
    expect([...read('data: ')]).toEqual([]);
    for (let count = 0; count < pieces; count++) for (const _event of read(piece)) expect.fail();
    const [event] = read('\n\n');
    expect(event?.data).toHaveLength(pieces * 100);
  };
  expect(costOfSixteenfold(readPieces, 4000)).toBeLessThan(linear);
});

function createReader(maxChars = 1000) {
  return createEventReader({ maxChars, onTooLarge: () => new Error('too large') });
}

function toPieces(text: string, size: number): string[] {
  const count = Math.ceil(text.length / size);
  return Array.from({ length: count }, (_, index) => text.slice(index * size, (index + 1) * size));
}
