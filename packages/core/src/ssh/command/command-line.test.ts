// The preamble must neither swallow output nor show up in it, wherever the pieces are cut.

import { describe, expect, it } from 'vitest';
import { createPreambleFilter, toCommandLine, toKillLine, toStreamLine } from './command-line.ts';

function filter(chunks: readonly string[]) {
  const pids: number[] = [];
  let output = '';
  const preamble = createPreambleFilter({
    marker: 'MARK',
    onBegin: (pid) => pids.push(pid),
    onOutput: (chunk) => {
      output += chunk.toString();
    },
  });
  for (const chunk of chunks) preamble.add(Buffer.from(chunk));
  return { pids, output, begun: preamble.begun, said: preamble.said };
}

describe('createPreambleFilter()', () => {
  it('finds the process id at every cut', () => {
    const whole = 'welcome!\nMARK4711\nout MARK1\n';
    for (let cut = 0; cut <= whole.length; cut += 1) {
      expect(filter([whole.slice(0, cut), whole.slice(cut)])).toMatchObject({
        pids: [4711],
        output: 'out MARK1\n',
      });
    }
  });

  it('keeps the beginning of what came in place of the mark, and gives none of it as output', () => {
    const said = 'This account is not available.\n';
    const shown = { pids: [], output: '', begun: false, said };
    expect(filter(['This account is ', 'not available.\n'])).toEqual(shown);
  });

  it('leaves out whatever start-up files print, however much it is', () => {
    const long = `${'\x1b[31mwelcome\x1b[0m '.repeat(100_000)}no newline`;
    const { said, ...rest } = filter([long, 'MARK12\nout']);
    expect(rest).toEqual({ pids: [12], output: 'out', begun: true });
    expect(said.length).toBeLessThanOrEqual(4_096);
  });

  it.each(['', '-5', '1.5', 'abc', '12345678901', "' 'pls'"])(
    'takes a mark followed by %j for a repeated command line',
    (pid) => {
      expect(filter([`MARK${pid}\nMARK7\nout`])).toMatchObject({ pids: [7], output: 'out' });
    },
  );
});

describe('toCommandLine()', () => {
  it('hands the command to sh, with both outputs as one', () => {
    const { line } = toCommandLine(['ls', '-l'], { marker: 'M' });
    expect(line).toMatch(/^exec sh -c '.*exec 2>&1; .*' ondemand 'pM' 'pls' 'p-l'$/);
  });

  it.each([toCommandLine, toStreamLine])(
    '%o holds nothing that a login shell could take for its own',
    (toLine) => {
      const { line } = toLine(["it's", '!!', 'a\nb\\', 'ü'], { marker: 'M', env: { A: "'" } });
      expect(line).not.toMatch(/[!\n\x80-\uffff]|\\[\\']/);
      expect(line.match(/'/g)?.length).toBe(2 * (1 + 1 + 2 + 4));
    },
  );

  it('sets variables by env', () => {
    const { line } = toStreamLine(['ls'], { env: { A: 'b' }, marker: 'M' });
    expect(line).toMatch(/ 'pM' 'penv' 'pA=b' 'pls'$/);
  });

  it('refuses what cannot be quoted', () => {
    expect(() => toCommandLine(['a\0'], { marker: 'M' })).toThrow(/NUL/);
  });
});

describe('toKillLine()', () => {
  it('speaks to the group, else to the process alone', () => {
    expect(toKillLine(12, 1)).toContain('kill -s TERM -- -12 || kill -s TERM 12');
  });
});
