// The end of a build's output as it may be shown: readable, short, and without what looks like a secret.

const maxLines = 50;
const maxLineLength = 500;
/** What is searched of a line: a line without end must not cost the search its time. */
const maxSearchedLength = 2000;

/** At most the last 50 lines, without control sequences, progress that was painted over, and values of environment assignments. */
export function toOutputTail(output: string): string {
  return stripControls(output)
    .split('\n')
    .map(lastPainted)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-maxLines)
    .map((line) => hideSecrets(line.slice(0, maxSearchedLength)))
    .map(shorten)
    .join('\n');
}

/** CSI, OSC and other escape sequences: https://www.ecma-international.org/publications-and-standards/standards/ecma-48/ */
const escapes =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[PX^_][^\u001b]*\u001b\\|\u001b[ -/]*[0-~]|\u009b[0-?]*[ -/]*[@-~]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

function stripControls(text: string): string {
  return text.replace(escapes, '').replace(/\r\n/g, '\n').replace(controls, '');
}

function lastPainted(line: string): string {
  return (
    line
      .split('\r')
      .filter((part) => part !== '')
      .at(-1) ?? ''
  );
}

/** Whatever is assigned to a name in capitals, or to a name that speaks of secrets; and passwords in URLs. */
const assignments: readonly (readonly [RegExp, string])[] = [
  [/\b([A-Z_][A-Z0-9_]*)=(?:"[^"]*"|'[^']*'|\S+)/g, '$1=***'],
  [
    /\b([\w.-]*(?:passw(?:or)?d|secret|token|api[_-]?key|credential)[\w.-]*["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|\S+)/gi,
    '$1***',
  ],
  [/^(.*\bENV\s+[A-Za-z_][A-Za-z0-9_]*)\s+[^=\s].*$/g, '$1 ***'],
  [/(\w+:\/\/[^\s/:@]*):[^\s/@]+@/g, '$1:***@'],
  [/\b((?:Bearer|Basic)\s+)[\w.~+/=-]{8,}/gi, '$1***'],
];

function hideSecrets(line: string): string {
  const declared = /\b(?:ENV|ARG)\s/.test(line)
    ? line.replace(/\b([A-Za-z_]\w*)=(?:"[^"]*"|'[^']*'|\S+)/g, '$1=***')
    : line;
  return assignments.reduce((text, [pattern, shown]) => text.replace(pattern, shown), declared);
}

function shorten(line: string): string {
  return line.length > maxLineLength ? `${line.slice(0, maxLineLength)}…` : line;
}
