// The numbers of the API that somebody may want to change: defaults, limits, and how long things are given. Those of HTTP are in the server's `limits/`.

export const maxLogLines = 10_000;

export const defaultLogLines = 100;

/** An answer holds at most so much of a log: of very long lines, the newest that fit. */
export const maxLogBytes = 16 * 1024 * 1024;

/** Of the serial console, where the caller does not say how many. */
export const defaultConsoleLines = 200;

export const maxConsoleLines = 10_000;

/** STARTING and STOPPING are given this long before STOP and RESET may cut them short. */
export const maxTransitionMs = 15 * 60_000;

/** A VM is not stopped within so long of having become ready. */
export const graceSeconds = 10 * 60;

export const defaultAnnounceMinutes = 5;

export const defaultCpuPercent = 20;

/** The longest that one lease keeps the VM on; it can be taken again. */
export const maxLeaseMinutes = 24 * 60;

/** Leases that hold at the same time. */
export const maxLeases = 100;

export const maxReasonLength = 200;

/** A VM that was seen off is given this long to answer before it counts as unreachable. */
export const maxBootMs = 10 * 60_000;

/** SSH is gone for this long before the serial console is asked whether the system has shut down. */
export const offInsideMs = 10 * 60_000;

/** Of the jobs that have ended, so many are kept on the VM. */
export const keptJobs = 50;

/** With less free space on the VM than this, the diagnosis says that its disk is nearly full. */
export const leastFreeBytes = 256 * 1024 * 1024;
