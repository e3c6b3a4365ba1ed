// Hooks: what is seen, and the time while something on the page counts.

import { useEffect, useState } from 'preact/hooks';
import type { Live, Seen } from './live-state.ts';

export function useSeen(live: Live): Seen {
  const [seen, setSeen] = useState(live.read);
  useEffect(() => {
    setSeen(live.read());
    return live.listen(() => setSeen(live.read()));
  }, [live]);
  return seen;
}

/** Milliseconds since 1970, renewed each second while the page is seen. */
export function useNow(): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNowMs(Date.now());
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}

/** Aborted once the component is no longer shown. */
export function useLeaving(): AbortSignal {
  const [leaving] = useState(() => new AbortController());
  useEffect(() => () => leaving.abort(), []);
  return leaving.signal;
}
