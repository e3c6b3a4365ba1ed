// Labels are whatever an image's maker writes: what becomes of them is one argument each, inside the roots, and nothing a shell reads.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAppError } from '../../app-error.ts';
import { quote } from '../../ssh/command/quote.ts';
import { often } from '../../testing/fuzz-size.test-support.ts';
import { chooseSource, pathsToProbe } from './choose-source-folder.ts';
import { readComposeLabels } from './labels.ts';
import type { SeenPath } from './probe-project-paths.ts';
import { pathsOf } from './project-locations.ts';

const injected = fc.constantFrom(
  '$(reboot)',
  '`reboot`',
  '; reboot',
  "' ; reboot ; '",
  '" && reboot',
  '\n',
  '\r\n',
  '\0',
  '!!',
  '-f',
  '--',
  '*',
  '~',
  '\\',
  '%b\\0047',
  'é',
  '\ud800',
  '\u2028',
);
const part = fc.oneof(
  fc.constantFrom('srv', 'home', 'web', '..', '.', '', 'compose.yaml', 'a,b', '-', ' '),
  injected,
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const path = fc
  .tuple(fc.constantFrom('', '/', '/srv/', '/srv/home/', '//'), fc.array(part, { maxLength: 4 }))
  .map(([start, parts]) => start + parts.join('/'));
const paths = fc.array(path, { maxLength: 3 }).map((list) => list.join(','));
const name = fc.oneof(fc.constantFrom('home', 'web', '_x', 'a.b'), part, injected);

const labels = fc
  .record(
    {
      project: name,
      service: name,
      'project.working_dir': path,
      'project.config_files': paths,
      'project.environment_file': paths,
      oneoff: fc.constantFrom('False', 'True', ''),
      version: fc.constantFrom('2.30.0', '1.29.2', 'v2.', ''),
    },
    { requiredKeys: ['project', 'service', 'project.working_dir', 'project.config_files'] },
  )
  .map((given) =>
    Object.fromEntries(
      Object.entries(given).map(([key, value]) => [`com.docker.compose.${key}`, value]),
    ),
  );

test('every part of what is read is one argument, whatever the labels hold', () => {
  fc.assert(
    fc.property(labels, (given) => {
      const reading = readComposeLabels(given);
      if ('reason' in reading) {
        expect(reading.reason).not.toMatch(/reboot/);
        return;
      }
      const { target } = reading;
      expect(target.project).toMatch(/^[a-z0-9_][a-z0-9_-]*$/);
      expect(target.service).toMatch(/^[a-zA-Z0-9._][a-zA-Z0-9._-]*$/);
      expect(target.workingDir).toMatch(/^\/(?!.*(?:^|\/)\.\.?(?:\/|$))/s);
      for (const source of target.sources) {
        expect(source.folder.startsWith('/')).toBe(true);
        expect(source.files.length).toBeGreaterThan(0);
      }
      for (const each of pathsToProbe(target)) {
        expect(each.startsWith('/')).toBe(true);
        expect(each).not.toMatch(/\p{Cc}/u);
      }
    }),
    often(),
  );
});

test('what is chosen lies inside the roots once its links are followed', () => {
  const links = fc.dictionary(
    fc.constantFrom('/srv', '/srv/home', '/', '/etc'),
    fc.constantFrom('/etc', '/srv/home', '/srv', '/'),
  );
  const roots = fc.array(fc.constantFrom('/srv', '/srv/home', '/srv/home/', '/etc/x'), {
    minLength: 1,
    maxLength: 2,
  });
  fc.assert(
    fc.property(labels, roots, links, (given, allowed, linked) => {
      const reading = readComposeLabels(given);
      if ('reason' in reading) return;
      const { target } = reading;
      const files = new Set(target.sources.flatMap(pathsOf));
      const resolve = (asked: string) => toNormal(follow(toNormal(asked), linked));
      const seen = (asked: string): SeenPath => ({
        kind: files.has(asked) ? 'file' : 'folder',
        resolved: resolve(asked),
      });
      const choice = chooseSource(target, { user: 'opc', seen }, allowed);
      if ('reason' in choice) return;
      for (const used of [target.workingDir, ...pathsOf(choice.source)]) {
        const real = resolve(used);
        expect(
          allowed.some((root) => {
            const start = resolve(root);
            return real === start || real.startsWith(start === '/' ? '/' : `${start}/`);
          }),
          `${used} is ${real}`,
        ).toBe(true);
      }
    }),
    often(),
  );
});

test('any arguments come out of a shell as they went in, or are refused for a NUL', () => {
  const argument = fc.oneof(injected, part, fc.string({ unit: 'binary' }), fc.string());
  fc.assert(
    fc.property(fc.array(argument, { minLength: 1 }), (argv) => {
      let line: string;
      try {
        line = quote(argv);
      } catch (error) {
        expect(isAppError(error, 'BAD_REQUEST')).toBe(true);
        expect(argv.some((each) => each.includes('\0'))).toBe(true);
        return;
      }
      expect(line).toMatch(/^[ -~]*$/); // no byte that a shell or a terminal could take for another
      expect(unquote(line)).toEqual(argv.map((each) => Buffer.from(each).toString()));
    }),
    often(),
  );
});

/** As sh reads single quotes, and the words as the script on the VM does: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_02 */
function unquote(line: string): string[] {
  const words = line.match(/'[^']*'/g) ?? [];
  expect(words.join(' ')).toBe(line); // nothing stands outside of quotes
  return words.map((word) => {
    const text = word.slice(1, -1);
    if (text.startsWith('p')) return text.slice(1);
    const bytes = text
      .slice(1)
      .replaceAll(/\\(?:0([0-7]{1,3})|n)/g, (_, octal?: string) =>
        octal === undefined ? '\n' : String.fromCharCode(Number.parseInt(octal, 8)),
      );
    return Buffer.from(bytes, 'latin1').toString();
  });
}

function toNormal(given: string): string {
  const parts: string[] = [];
  for (const each of given.split('/')) {
    if (each === '..') parts.pop();
    else if (each !== '' && each !== '.') parts.push(each);
  }
  return `/${parts.join('/')}`;
}

/** One link on the way. */
function follow(given: string, linked: Readonly<Record<string, string>>): string {
  const from = Object.keys(linked).find((each) => given === each || given.startsWith(`${each}/`));
  return from === undefined ? given : `${linked[from]}/${given.slice(from.length)}`;
}
