// Command lines that a shell could misread, each with its quoted form.

export const quoted: readonly (readonly [name: string, argv: readonly string[], line: string])[] = [
  ['a plain word', ['ls'], `'ls'`],
  ['an empty string', ['printf', ''], `'printf' ''`],
  ['a space', ['a b'], `'a b'`],
  ['a newline', ['a\nb'], `'a\nb'`],
  ['a single quote', ["it's"], `'it'\\''s'`],
  ['nothing but single quotes', ["''"], `''\\'''\\'''`],
  ['a double quote', ['"'], `'"'`],
  ['a backslash', ['\\'], `'\\'`],
  ['a substitution', ['$(reboot)`reboot`'], `'$(reboot)\`reboot\`'`],
  ['a separator', [';reboot', '&&', '|', '>x'], `';reboot' '&&' '|' '>x'`],
  ['a leading dash', ['-rf'], `'-rf'`],
  ['a glob and a tilde', ['*', '~', '?', '[a]'], `'*' '~' '?' '[a]'`],
  ['an assignment and a keyword', ['A=b', 'if'], `'A=b' 'if'`],
  ['a history expansion', ['!!'], `'!!'`],
  ['unicode', ['ü🚀'], `'ü🚀'`],
];
