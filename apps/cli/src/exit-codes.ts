// The process's exit codes, which scripts branch on.

/** What a number means never changes; `--help` prints them from here. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  denied: 3,
  notFound: 4,
  conflict: 5,
  unavailable: 6,
  timedOut: 124,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  done: 'done',
  failed: 'failed',
  usage: 'wrong usage',
  denied: 'not authenticated or not allowed',
  notFound: 'not found',
  conflict: 'conflict with the present state',
  unavailable: 'API, VM, SSH or Docker unavailable',
  timedOut: 'not done in the time that was given',
  interrupted: 'interrupted',
};
