import { expect, test } from 'vitest';
import { root } from '../commands/all-commands.ts';
import { parseInvocation } from './parse.ts';

const parse = (line: string) => parseInvocation(root, line === '' ? [] : line.split(' '));

test.each([
  { line: 'ps', path: ['ps'], options: { quiet: false } },
  { line: 'ps -q', path: ['ps'], options: { quiet: true } },
  { line: '--json ps --quiet', path: ['ps'], options: { quiet: true }, json: true },
  { line: '--url http://h ps', path: ['ps'], options: { quiet: false }, url: 'http://h' },
  { line: 'jobs', path: ['jobs'], options: { follow: false }, operands: [] },
  { line: 'jobs a -f', path: ['jobs'], options: { follow: true }, operands: ['a'] },
  { line: 'stats', path: ['stats'], options: { watch: false }, operands: [] },
  { line: 'stats a b -w', path: ['stats'], options: { watch: true }, operands: ['a', 'b'] },
  { line: 'logs nginx -fn all', path: ['logs'], options: { lines: 'all' }, operands: ['nginx'] },
  { line: 'logs a b -f', path: ['logs'], options: { follow: true }, operands: ['a', 'b'] },
  { line: 'logs nginx', path: ['logs'], options: { lines: undefined }, operands: ['nginx'] },
  { line: 'logs -n 5 nginx', path: ['logs'], options: { lines: 5 }, operands: ['nginx'] },
  { line: 'logs -n5 nginx', path: ['logs'], options: { lines: 5 }, operands: ['nginx'] },
  { line: 'logs nginx --lines=5', path: ['logs'], options: { lines: 5 }, operands: ['nginx'] },
  { line: 'logs nginx -n 5 -n 6', path: ['logs'], options: { lines: 6 }, operands: ['nginx'] },
  { line: 'logs nginx -n=5', path: ['logs'], options: { lines: 5 }, operands: ['nginx'] },
  { line: 'logs -n=all nginx', path: ['logs'], options: { lines: 'all' }, operands: ['nginx'] },
  { line: 'logs a -f=true', path: ['logs'], options: { follow: true }, operands: ['a'] },
  { line: 'logs a -f -f=false', path: ['logs'], options: { follow: false }, operands: ['a'] },
  { line: 'logs a --follow=false', path: ['logs'], options: { follow: false }, operands: ['a'] },
  { line: 'ps --watch=true', path: ['ps'], options: { watch: true } },
  { line: 'ps -q=false --json=true', path: ['ps'], options: { quiet: false }, json: true },
  { line: '--json=false ps', path: ['ps'], options: { quiet: false }, json: false },
  { line: 'logs -- -f=true', path: ['logs'], options: { follow: false }, operands: ['-f=true'] },
  { line: 'ssh -l -t=true', path: ['ssh'], options: { user: '-t=true', tty: false } },
  { line: 'run curl -h=true', path: ['run'], options: {}, operands: ['curl', '-h=true'] },
  { line: 'logs -- -x', path: ['logs'], options: { lines: undefined }, operands: ['-x'] },
  { line: 'start a b', path: ['start'], options: {}, operands: ['a', 'b'] },
  {
    line: 'exec -u root web -T -- ls -l -- -u x',
    path: ['exec'],
    options: { as: 'root', 'no-tty': true },
    operands: ['web', 'ls', '-l', '--', '-u', 'x'],
  },
  {
    line: 'exec web ls -l --json --help',
    path: ['exec'],
    options: { as: undefined },
    operands: ['web', 'ls', '-l', '--json', '--help'],
  },
  { line: 'run -- make -j4', path: ['run'], options: {}, operands: ['make', '-j4'] },
  {
    line: 'run --wake make --wake',
    path: ['run'],
    options: { wake: true },
    operands: ['make', '--wake'],
  },
  { line: 'run -- -- x', path: ['run'], options: { wake: false }, operands: ['--', 'x'] },
  { line: 'ssh -l opc', path: ['ssh'], options: { user: 'opc' }, operands: [] },
  {
    line: 'ssh -o A=1 uptime -p -o B=2',
    path: ['ssh'],
    options: { option: ['A=1'] },
    operands: ['uptime', '-p', '-o', 'B=2'],
  },
  {
    line: 'exec -e A=1 --env B -e C= web',
    path: ['exec'],
    options: { env: ['A=1', 'B', 'C='] },
    operands: ['web'],
  },
  {
    line: 'vm --json stop -y --wait --timeout 90s',
    path: ['vm', 'stop'],
    options: { wait: true, timeout: 90_000, yes: true },
    json: true,
  },
])('"ondemand $line" is understood', async ({ line, path, options, operands, json, url }) => {
  expect(await parse(line)).toMatchObject({
    kind: 'run',
    path,
    options,
    operands: operands ?? [],
    globals: { json: json ?? false, url },
  });
});

test.each([
  ['', []],
  ['--help', []],
  ['help', []],
  ['vm -h', ['vm']],
  ['--help vm', ['vm']],
  ['help vm stop', ['vm', 'stop']],
  ['logs --help', ['logs']],
  ['logs a b --bogus -h', ['logs']],
])('"ondemand %s" shows help', async (line, path) => {
  expect(await parse(line)).toMatchObject({ kind: 'help', path });
});

test.each(['environment', 'exit-codes', 'formatting'])(
  '"ondemand help %s" is a page about no command',
  async (name) => {
    expect(await parse(`help ${name}`)).toMatchObject({ kind: 'topic', topic: { name } });
  },
);

test('--version is known to ondemand itself only', async () => {
  expect(await parse('--version')).toEqual({ kind: 'version' });
  await expect(parse('ps --version')).rejects.toThrow('unknown flag --version');
});

test.each([
  ['pss', "unknown command 'pss', did you mean 'ps'?; see ondemand --help"],
  ['vm strat', "unknown command 'vm strat', did you mean 'vm start'?; see ondemand vm --help"],
  ['frobnicate', "unknown command 'frobnicate'; see ondemand --help"],
  ['vm', 'vm needs one of status, start, stop, reboot, reset, console; see ondemand vm --help'],
  ['ps --quite', "unknown flag --quite, did you mean '--quiet'?; see ondemand ps --help"],
  ['ps --constructor', 'unknown flag --constructor; see ondemand ps --help'],
  ['ps -x', 'unknown flag -x; see ondemand ps --help'],
  ['ps nginx', "ps takes no arguments, but got 'nginx'; see ondemand ps --help"],
  ['ps --json=1', '--json takes no value but true or false; see ondemand ps --help'],
  ['--bogus ps', 'unknown flag --bogus; see ondemand --help'],
  ['-n 3 logs nginx', 'unknown flag -n; see ondemand --help'],
  ['start', 'start needs NAME…; see ondemand start --help'],
  ['logs', 'logs needs NAME…; see ondemand logs --help'],
  ['inspect a b', "inspect takes one NAME, but got 'b'; see ondemand inspect --help"],
  ['logs a -n', '-n needs a NUMBER; see ondemand logs --help'],
  ['logs a -n -1', "-n needs a whole number from 0 to 999999999, not '-1'"],
  ['logs a -n=-1', "--lines needs a whole number from 0 to 999999999, not '-1'"],
  ['ps -q=maybe', '--quiet takes no value but true or false; see ondemand ps --help'],
  ['ps -x=true', 'unknown flag -x; see ondemand ps --help'],
  ['logs a --lines 1e3', "--lines needs a whole number from 0 to 999999999, not '1e3'"],
  ['events --type vm,jobs', "--type needs one or more of vm, container, job, idle, not 'jobs'"],
  ['jobs a b', "jobs takes one ID, but got 'b'; see ondemand jobs --help"],
  ['inspect', 'inspect needs NAME; see ondemand inspect --help'],
  [
    'vm start --timeout soon',
    "--timeout needs a duration such as 90s, 10m or 1h30m, up to 24h, not 'soon'",
  ],
  ['completion tcsh', "completion needs bash|zsh|fish, not 'tcsh'"],
  ['vm screen', "unknown command 'vm screen'; see ondemand vm --help"],
])('"ondemand %s" is a usage error', async (line, message) => {
  await expect(parse(line)).rejects.toMatchObject({ name: 'CliError', exitCode: 2, message });
});
