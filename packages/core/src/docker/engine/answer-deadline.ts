// The time that an answer may take to begin, put off while the connection below is busy with the bytes of others.

export interface AnswerDeadlineOptions {
  readonly timeoutMs: number;
  /** Of the connection that the answer has to come over, so far. */
  readonly receivedBytes: () => number;
  readonly onTimeout: () => void;
}

/** Calls back once, at the deadline, or up to 16 s later where the connection stays busy; returns what stops that. */
export function startAnswerDeadline(options: AnswerDeadlineOptions): () => void {
  const { timeoutMs, receivedBytes, onTimeout } = options;
  const postponeMs = Math.min(timeoutMs, 4000);
  let postponements = 0;
  let before = receivedBytes();
  let timer = setTimeout(() => check(timeoutMs), timeoutMs);
  return () => clearTimeout(timer);

  function check(elapsedMs: number): void {
    const received = receivedBytes() - before;
    if (postponements === maxPostponements || received < (busyBytesPerSecond * elapsedMs) / 1000) {
      onTimeout();
      return;
    }
    postponements += 1;
    before += received;
    timer = setTimeout(() => check(postponeMs), postponeMs);
  }
}

const maxPostponements = 4;
/** Far more than keepalives and events are, far less than the slowest link brings of a log. */
const busyBytesPerSecond = 32 * 1024;
