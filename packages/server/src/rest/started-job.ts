// Finds what a call began and did not wait for, in the procedure's answer or error.

/** The job's id; undefined where there is none. */
export function toJobId(facts: unknown): string | undefined {
  const { job } = asRecord(facts);
  return typeof job === 'string' ? job : undefined;
}

/** The job that an answer did not wait for, which makes it a 202. */
function toAcceptedJob(output: unknown): string | undefined {
  return asRecord(output).status === 'initiated' ? toJobId(output) : undefined;
}

/** Where to see how it goes on, of a change that was accepted and is not done: that makes its answer a 202. */
export function toProgressPath(output: unknown): string | undefined {
  const job = toAcceptedJob(output);
  if (job !== undefined) return `/jobs/${job}`;
  return asRecord(output).ready === false ? '/vm/ready' : undefined; // of a wake
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}; // an object
}
