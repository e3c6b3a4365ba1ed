// Tests wait for what they need to see, never for a time.

const timeoutMs = 120_000;
const { setTimeout, performance } = globalThis; // the real ones, also while a test has its own clock

/** Resolves once something holds, looking again and again; the deadline is the test's failure. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`Not within ${timeoutMs} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
