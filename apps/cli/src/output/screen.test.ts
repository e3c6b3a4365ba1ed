import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { asTerminal } from '../testing/fake-terminal.test-support.ts';
import { collect } from '../testing/run-bin.test-support.ts';
import { createTerminalModel } from '../testing/terminal-model.test-support.ts';
import { createScreen } from './screen.ts';

function openScreen({ columns = 20, rows = 6 } = {}) {
  const stdout = new PassThrough();
  const written = collect(stdout);
  const streams = asTerminal({ stdin: new PassThrough(), stdout, stderr: new PassThrough() });
  Object.assign(stdout, { columns, rows });
  const signals = new EventEmitter();
  const screen = createScreen(streams.stdout, signals);
  return {
    paint: (text: string) => screen.paint(text),
    narrowTo: (width: number) => Object.assign(stdout, { columns: width }),
    resize: (size: { columns?: number; rows?: number }) => {
      Object.assign(stdout, size).emit('resize');
    },
    goOn: () => signals.emit('SIGCONT'),
    dispose: () => screen[Symbol.dispose](),
    listeners: () => [stdout.listenerCount('resize'), signals.listenerCount('SIGCONT')],
    written,
    shown: () => createTerminalModel(written()),
  };
}

test('what is painted replaces what was painted before', () => {
  const { paint, shown } = openScreen();
  paint('one\ntwo long\nthree\n');
  paint('1\n2\n3\n');
  expect(shown()).toEqual(['1', '2', '3', '']);
});

test('of a longer text nothing stays behind', () => {
  const { paint, shown } = openScreen();
  paint('one\ntwo\nthree\n');
  paint('one\n');
  expect(shown()).toEqual(['one', '']);
  paint('one\ntwo\n');
  expect(shown()).toEqual(['one', 'two', '']);
});

test('a line longer than the terminal is wide is cut, so that the next paint finds its beginning', () => {
  const { paint, shown } = openScreen({ columns: 5 });
  paint('abcdefgh\nx\n');
  paint('12345678\nx\n');
  expect(shown()).toEqual(['12345', 'x', '']);
});

test('what does not fit the terminal is counted', () => {
  const { paint, shown } = openScreen({ rows: 5 });
  paint('a\nb\nc\nd\n');
  expect(shown()).toEqual(['a', 'b', 'c', 'd', '']);
  paint('a\nb\nc\nd\ne\n');
  expect(shown()).toEqual(['a', 'b', 'c', '… and 2 more lines', '']);
});

test('in a terminal that became narrower the wrapped lines are counted', () => {
  const { paint, narrowTo, written } = openScreen({ columns: 20 });
  paint('12345678901234567890\nx\n');
  narrowTo(8);
  paint('y\n');
  expect(written().split('\u001b[4A')).toHaveLength(2);
});

test('a paint is one write, so that it does not flicker', () => {
  const stdout = new PassThrough();
  let writes = 0;
  stdout.on('data', () => {
    writes += 1;
  });
  const streams = asTerminal({ stdin: new PassThrough(), stdout, stderr: new PassThrough() });
  using screen = createScreen(streams.stdout, new EventEmitter());
  screen.paint('a\nb\nc\n');
  expect(writes).toBe(1);
});

test('in a terminal of another size the same is painted again, in its place', () => {
  const { paint, resize, shown } = openScreen({ columns: 5, rows: 4 });
  paint('abcdefgh\n1\n2\n3\n4\n');
  expect(shown()).toEqual(['abcde', '1', '… and', '']);
  resize({ columns: 20, rows: 10 });
  expect(shown()).toEqual(['abcdefgh', '1', '2', '3', '4', '']);
});

test('after a stop the same is painted below what the shell wrote, and then in its place', () => {
  const { paint, goOn, written } = openScreen();
  paint('one\ntwo\n');
  const before = written();
  goOn();
  const again = written().slice(before.length);
  expect(createTerminalModel(again)).toEqual(['one', 'two', '']);
  expect(again).not.toContain('\u001b[2A');
  paint('three\n');
  expect(createTerminalModel(written().slice(before.length))).toEqual(['three', '']);
});

test('before the first paint, and after its end, a screen paints nothing by itself', () => {
  const { paint, resize, goOn, dispose, written, listeners } = openScreen();
  resize({ columns: 10 });
  goOn();
  expect(written()).toBe('');
  paint('one\n');
  const before = written();
  dispose();
  resize({ columns: 5 });
  goOn();
  expect(written()).toBe(before);
  expect(listeners()).toEqual([0, 0]);
});
