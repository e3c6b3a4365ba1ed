// The preamble must neither swallow output nor show up in it, wherever the pieces are cut.

import { describe, expect, it } from 'vitest';
import { createPreambleFilter, toCommandLine, toKillLine } from './command-line.ts';

function filter(chunks: readonly string[]) {
  const pids: number[] = [];
  let output = '';
  const preamble = createPreambleFilter({
    mark: 'MARK',
    onPid: (pid) => pids.push(pid),
    onOutput: (chunk) => {
      output += chunk.toString();
    },
  });
  for (const chunk of chunks) preamble.add(Buffer.from(chunk));
  preamble.end();
  return { pids, output };
}

describe('createPreambleFilter()', () => {
  it('finds the process id at every cut', () => {
    const whole = 'welcome!\nMARK4711\nout MARK1\n';
    for (let cut = 0; cut <= whole.length; cut += 1) {
      expect(filter([whole.slice(0, cut), whole.slice(cut)])).toEqual({
        pids: [4711],
        output: 'out MARK1\n',
      });
    }
  });

  it('passes everything on when there is no mark', () => {
    expect(filter(['This account is ', 'not available.\n'])).toEqual({
      pids: [],
      output: 'This account is not available.\n',
    });
  });

  it('does not hold back a long output for a mark that may never come', () => {
    const long = 'x'.repeat(5_000);
    expect(filter([long, 'MARK12\n'])).toEqual({ pids: [], output: `${long}MARK12\n` });
  });

  it.each(['', '1', '0', '-5', '1.5', 'abc', '1e400'])('takes %j for no process id', (pid) => {
    expect(filter([`MARK${pid}\nout`])).toEqual({ pids: [], output: 'out' });
  });
});

describe('toCommandLine()', () => {
  it('quotes the command and names both outputs one', () => {
    expect(toCommandLine(['ls', '-l'], { env: {}, mark: 'M' }).line).toBe(
      `echo M$$; exec 'ls' '-l' </dev/null 2>&1`,
    );
  });

  it('refuses what cannot be quoted', () => {
    expect(() => toCommandLine(['a\0'], { env: {}, mark: 'M' })).toThrow(/NUL/);
  });
});

describe('toKillLine()', () => {
  it('speaks to the group, else to the process alone', () => {
    expect(toKillLine(12, 1)).toContain('kill -s TERM -- -12 || kill -s TERM 12');
  });
});
