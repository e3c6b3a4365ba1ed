// Finds the job that a call started, in the procedure's answer or error.

/** The job's id; undefined where there is none. */
export function toJobId(facts: unknown): string | undefined {
  const { job } = asRecord(facts);
  return typeof job === 'string' ? job : undefined;
}

/** The job that an answer did not wait for, which makes it a 202. */
export function toAcceptedJob(output: unknown): string | undefined {
  return asRecord(output).status === 'initiated' ? toJobId(output) : undefined;
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}; // an object
}
