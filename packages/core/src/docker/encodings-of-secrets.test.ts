// What of a text is hidden, and what is left to read.

import { describe, expect, test } from 'vitest';
import { createHiding } from '../model/redaction.ts';
import { costOfSixteenfold, linear } from '../testing/cpu-growth.test-support.ts';
import { environmentSecrets } from './encodings-of-secrets.ts';

const hide = (text: string, ...env: string[]) => createHiding(environmentSecrets(env)).hide(text);

test.each([
  ['a value as an argument', 'db --password hunter22', ['P=hunter22'], 'db --password ***'],
  ['a value inside a word, with the word', 'xhunter22x', ['P=hunter22'], '***'],
  ['a value behind its option', 'ping -uroot -phunter22', ['P=hunter22'], 'ping -uroot -***'],
  ['letters behind their option', 'ping -psecretly', ['P=secretly'], 'ping -***'],
  ['a pair of name and value', 'env P=hunter22 run', ['P=hunter22'], 'env P=*** run'],
  ['every time', 'hunter22,hunter22 hunter22', ['P=hunter22'], '***,*** ***'],
  ['the longer of two', 'hunter22secret', ['A=hunter22', 'B=hunter22secret'], '***'],
  ['values that overlap', 'a1b2c3d4e', ['A=a1b2c3', 'B=2c3d4e'], '***'],
  ['values side by side', 'a1b2c3:d4e5f6', ['A=a1b2c3:', 'B=d4e5f6'], '***'],
  ['a value with an equals sign', 'k=v==', ['P=k=v=='], '***'],
  ['a value with a regular expression in it', 'a.*+?^$()|[{}]\\b', ['P=.*+?^$()|[{}]\\'], 'a***b'],
  ['a value in another script', 'pass: пароль', ['P=пароль'], 'pass: ***'],
  ['percent-encoding', '?p=a%2Fb%20c%26d', ['P=a/b c&d'], '?p=***'],
  ['percent-encoding in small letters', '?p=a%2fb%20c%26d', ['P=a/b c&d'], '?p=***'],
  ['percent-encoding of a form', '?p=a%2Fb+c%26d', ['P=a/b c&d'], '?p=***'],
  ['percent-encoding that spares nothing', '?p=%28abc%21%29', ['P=(abc!)'], '?p=***'],
  ['a value inside JSON', '{"p":"a\\"b\\nc"}', ['P=a"b\nc'], '{"p":"***"}'],
  ['base64', 'Basic aHVudGVyMjI=', ['P=hunter22'], 'Basic ***='],
  [
    'base64 for URLs',
    `t=${Buffer.from('>>>???>>>').toString('base64url')}`,
    ['P=>>>???>>>'],
    't=***',
  ],
  ['a value without its newline', 'key=hunter22;', ['P=hunter22\n'], 'key=***;'],
  ['a value without the blanks around it', 'key=hunter22;', ['P= hunter22 '], 'key=***;'],
  ['a value without its quotes', 'key=hunter22;', ['P="hunter22"'], 'key=***;'],
  ['a line of a value', 'got MIIEvQ', ['P=-----BEGIN-----\nMIIEvQ\n-----END-----'], 'got ***'],
  ['the password of a URL', 'pw hunter22', ['U=postgres://me:hunter22@db/x'], 'pw ***'],
  ['the password of a URL, decoded', 'pw a/b!c', ['U=redis://:a%2Fb%21c@db'], 'pw ***'],
  ['half a surrogate pair', 'a \ud800bcd234', ['P=\ud800bcd234'], 'a ***'],
  ['six digits', 'pin 123456', ['P=123456'], 'pin ***'],
  ['a value in curly quotes', 'invalid date ‘secretpw’', ['P=secretpw'], 'invalid date ‘***’'],
  ['a short one in them', '“Tr0ub” «Tr0ub»', ['P=Tr0ub'], '“***” «***»'],
  ['a value in colours', '\x1b[1;31msecretpw\x1b[0m', ['P=secretpw'], '\x1b[1;31m***\x1b[0m'],
  ['a value in colours as JSON', '\\u001b[31m482913', ['P=482913'], '\\u001b[31m***'],
  ['a value behind an escape', '{"e":"bad\\nsecretpw\\t"}', ['P=secretpw'], '{"e":"bad\\n***\\t"}'],
  ['a value behind an escaped letter', '\\u2018secretpw', ['P=secretpw'], '\\u2018***'],
  [
    'a short value behind them',
    '\x1b[31ma1c\x1b[0m \\na1c ‘a1c’',
    ['P=a1c'],
    '\x1b[31m***\x1b[0m \\n*** ‘***’',
  ],
  [
    'a common word that is a password',
    '-p admin http://u:default@h',
    ['DB_PASSWORD=admin', 'PASS=default'],
    '-p *** http://u:***@h',
  ],
  ['a short PIN', 'unlock --pin 4821 48210', ['PIN=4821'], 'unlock --pin *** 48210'],
])('hides %s', (_name, text, env, shown) => {
  expect(hide(text, ...env)).toBe(shown);
});

test.each([
  ['as an argument', 'run -p a1c', 'run -p ***'],
  ['as a value', 'P=a1c', 'P=***'],
  ['in quotes', '"a1c"', '"***"'],
  ['in a URL', 'http://u:a1c@host/', 'http://u:***@host/'],
  ['in a list', 'x,a1c,y', 'x,***,y'],
  ['alone', 'a1c', '***'],
  ['but not in a word', 'a1cd xa1c a1c_d 1.a1c', 'a1cd xa1c a1c_d 1.a1c'],
])('hides a short value %s', (_name, text, shown) => {
  expect(hide(text, 'P=a1c')).toBe(shown);
});

test.each([
  ['a boolean', 'traefik.enable=true', ['ENABLE=true']],
  ['a number', 'sleep 1000', ['SECONDS=1000']],
  ['a longer number that begins like a value', 'sleep 1000000', ['PIN=100000', 'N=1000']],
  ['a size', 'java -Xmx 512m', ['MEMORY=512m']],
  ['a word of less than six letters', 'nginx -g web', ['SERVER=nginx', 'ROLE=web']],
  ['a longer word that contains one of letters alone', 'serverless', ['MODE=server']],
  ['what turns a password on', 'yes 1', ['ALLOW_EMPTY_PASSWORD=yes', 'RANDOM_PASSWORD=1']],
  ['a folder', 'cd /app', ['PWD=/app', 'OLDPWD=/srv', 'SSH_ASKPASS=/usr/bin/ask']],
  ['a version', 'nginx/1.27.4 16.3-1.pgdg120+1', ['V=1.27.4', 'PG_VERSION=16.3-1.pgdg120+1']],
  ['a user name', 'pg_isready -U paperless', ['POSTGRES_USER=paperless', 'DB_NAME=paperless']],
  ['names, blank values and what has no value', 'NAME and   EMPTY', ['NAME', 'EMPTY=', 'B=  ']],
])('leaves %s', (_name, text, env) => {
  expect(hide(text, ...env)).toBe(text);
});

test('what is a name in one variable and a secret in another is hidden', () => {
  expect(hide('-U paperless', 'POSTGRES_USER=paperless', 'POSTGRES_PASSWORD=paperless')).toBe(
    '-U ***',
  );
});

test('what is public of the container stays: its mounts, its project, its user', () => {
  const facts = { paths: ['/pg/data'], names: ['paperless'] };
  const env = ['PGDATA=/pg/data', 'DATA_ROOT=/pg', 'APP=paperless', 'KEY=hunter22'];
  const hiding = createHiding(environmentSecrets(env, facts));
  expect(hiding.hide('/pg/data:/pg paperless hunter22')).toBe('/pg/data:/pg paperless ***');
});

test('a text that is made to take long is hidden as a whole, in a time that grows with its size alone', () => {
  const env = Array.from({ length: 500 }, (_, index) => `V${index}=${'a1'.repeat(index + 4)}`);
  const work = (size: number) => expect(hide('a1'.repeat(size), ...env)).toBe('***');
  expect(costOfSixteenfold(work, 2500)).toBeLessThan(linear);
});

test('a big environment and a long text take a time that grows with the text alone', () => {
  const env = Array.from(
    { length: 500 },
    (_, index) => `V${index}=value-${index}-${'x'.repeat(50)}`,
  );
  const work = (size: number) => void hide('value-1 '.repeat(size), ...env);
  expect(costOfSixteenfold(work, 500)).toBeLessThan(linear);
});

test('environmentSecrets() gives each word once, the longest first', () => {
  const words = environmentSecrets(['A=hunter22', 'B=hunter22', 'C=a1c']);
  expect(new Set(words).size).toBe(words.length);
  expect(words.map((word) => word.length)).toEqual(
    words.map((word) => word.length).sort((a, b) => b - a),
  );
  expect(words).toContain('hunter22');
});

describe('hideCut()', () => {
  const hiding = createHiding(environmentSecrets(['P=hunter22secret']));
  test.each([
    ['the beginning of a value at the end', 'it is hunter22s', 'it is ***'],
    ['it before the dots of who cut it', 'it is hunter22s...', 'it is ***...'],
    ['a whole value', 'it is hunter22secret', 'it is ***'],
    ['no less than four characters of it', 'it is hun', 'it is hun'],
    ['nothing in the middle', 'hunter22 is it', 'hunter22 is it'],
  ])('hides %s', (_name, text, shown) => {
    expect(hiding.hideCut(text)).toBe(shown);
  });
});
