// Command lines that a shell could misread, each with its quoted form.

export const quoted: readonly (readonly [name: string, argv: readonly string[], line: string])[] = [
  ['a plain word', ['ls'], `'pls'`],
  ['an empty string', ['printf', ''], `'pprintf' 'p'`],
  ['a space', ['a b'], `'pa b'`],
  ['a newline', ['a\nb'], `'ea\\nb'`],
  ['a single quote', ["it's"], `'eit\\0047s'`],
  ['nothing but single quotes', ["''"], `'e\\0047\\0047'`],
  ['a double quote', ['"'], `'p"'`],
  ['a backslash', ['\\'], `'e\\0134'`],
  ['a substitution', ['$(reboot)`reboot`'], `'p$(reboot)\`reboot\`'`],
  ['a separator', [';reboot', '&&', '|', '>x'], `'p;reboot' 'p&&' 'p|' 'p>x'`],
  ['a leading dash', ['-rf'], `'p-rf'`],
  ['a glob and a tilde', ['*', '~', '?', '[a]'], `'p*' 'p~' 'p?' 'p[a]'`],
  ['an assignment and a keyword', ['A=b', 'if'], `'pA=b' 'pif'`],
  ['a history expansion', ['!!'], `'e\\0041\\0041'`],
  ['unicode', ['ü🚀'], `'e\\0303\\0274\\0360\\0237\\0232\\0200'`],
];
