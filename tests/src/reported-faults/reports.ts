// The reports of issue 9 by number, in the order of its text: what each says has to hold. Every test here has the number of its report in its name.

export const reports = {
  1: 'A link in the path of a compose project is resolved again by each rebuild; the labels stay as its owner wrote them.',
  2: "Compose v1's relative labels are read from the folder that it was called in; two files that fit are refused by name.",
  3: 'A service keeps its number of containers, and the answer names one that is there, also where the file calls it otherwise now.',
  4: 'Each failure to look at a project is told in its own words with what to do, and nothing was started.',
  5: 'Any login shell that runs commands works (fish, zsh, dash, bash, csh); one that does not is named.',
  6: 'What start-up files print does no harm, whichever way Docker is reached.',
  7: 'Names that compose takes are taken: a v1 project with an underscore first, a comma in a folder.',
  8: 'COMPOSE_ROOTS left out is a warning at start, and it stands in the example of docs/getting-started.md.',
  9: "Whose name or id Docker's message holds decides what a refused start is about; a missing device is no mount.",
  10: 'A network card that may not be read, or hangs, takes nothing with it but the address.',
  11: 'Zeros that a hard reset left in a log are read over, as docker logs does.',
  12: 'A second factor and too many keys are told as that; each login message names user, host, port and key.',
  13: 'What people are shown as `error` is what happened.',
  14: 'A user who is not in the docker group is told so, with the usermod.',
  15: 'A wrong OIDC_ISSUER is told at start: who answered there, and what would fit.',
  16: 'An env file is read as it stands or refused by the number of a line.',
  17: 'A variable that does not exist is a warning that asks for the one meant.',
  18: 'A missing env file ends with our own line and exit code 2.',
  19: 'SSH_HOST is judged at start.',
  20: 'Keys and secrets that others may read are a warning with the chmod.',
  21: 'ondemand.env.example lists every variable, and the server takes it.',
  22: "Below a proxy's path everything stays below it.",
  23: "A deployment's document names PUBLIC_URL alone; the checked-in one keeps the three of the reference.",
  24: "--since without a zone is the caller's local time.",
  25: 'zsh that finds the completion by fpath completes at the first Tab.',
  26: 'A long TMPDIR works.',
  27: 'Every watch and follow says that it tries again, and since when its data is.',
  28: 'Tables fit the terminal; IPv4 and IPv6 of one port are shown once.',
  29: 'vm start of a running and vm stop of a stopped VM are done already.',
  30: 'A container name that is nearly right is named.',
  31: "README's lines work when pasted after start.",
  32: 'start does not bury its tokens, and ends with Ctrl-C without a word of the package manager.',
  33: 'A build that hangs can be ended: cancelled, the lock free, the audit has it.',
  34: 'None of these answers is a 500, and none claims a success that is not there.',
  35: 'docs/ says what the SSH user must be able to do.',
} as const satisfies Record<number, string>;

export type ReportNumber = keyof typeof reports;

/** The title of a test of a report. */
export function report(number: ReportNumber, what: string): string {
  return `report ${number}: ${what}`;
}
