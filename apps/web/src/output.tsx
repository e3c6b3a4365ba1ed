// A followed log, and the output of a build, live: newest at the bottom, while the page is seen.

import { isApiError, type OnDemandClient } from '@ondemand/client';
import { useEffect, useRef, useState } from 'preact/hooks';
import { toPieces } from './ansi.ts';

/** Older lines than these are dropped from the page. */
const maxLines = 2000;

type Follow = (signal: AbortSignal) => AsyncIterable<string>;

export function Log({ client, name }: { readonly client: OnDemandClient; readonly name: string }) {
  const follow: Follow = async function* (signal) {
    for await (const { line } of client.containers.followLogs.subscribe(
      { name, tail: 200 },
      { signal },
    ))
      yield line;
  };
  return <Lines label={`Log of ${name}`} follow={follow} isAgain />;
}

export function BuildOutput({
  client,
  id,
}: {
  readonly client: OnDemandClient;
  readonly id: string;
}) {
  const follow: Follow = async function* (signal) {
    for await (const { text } of client.jobs.output.subscribe({ id }, { signal }))
      yield* text.replace(/\n$/, '').split('\n');
    const { state, exitCode } = await client.jobs.get.query({ id }, { signal });
    yield `— ${state}${exitCode === null ? '' : `, exit code ${exitCode}`}`;
  };
  return <Lines label="Output of the build" follow={follow} />;
}

interface LinesProps {
  readonly label: string;
  readonly follow: Follow;
  /** It begins with its end, so that it can be followed anew after the page was hidden. */
  readonly isAgain?: boolean;
}

function Lines({ label, follow, isAgain = false }: LinesProps) {
  const [lines, setLines] = useState<readonly string[]>([]);
  const [problem, setProblem] = useState<string>();
  const [search, setSearch] = useState('');
  const [isPaused, setPaused] = useState(false);
  const [isWrapped, setWrapped] = useState(true);
  const [isHidden, setHidden] = useState(document.hidden);
  const box = useRef<HTMLPreElement>(null);

  useEffect(() => {
    const onChange = () => setHidden(document.hidden);
    document.addEventListener('visibilitychange', onChange);
    return () => document.removeEventListener('visibilitychange', onChange);
  }, []);
  const isStopped = isAgain && isHidden;
  useEffect(() => {
    if (isStopped) return;
    const leaving = new AbortController();
    let waiting: string[] = [];
    let frame: number | undefined;
    setLines([]);
    setProblem(undefined);
    const show = () => {
      frame = undefined;
      const added = waiting;
      waiting = [];
      setLines((before) => [...before, ...added].slice(-maxLines));
    };
    (async () => {
      for await (const line of follow(leaving.signal)) {
        waiting.push(line);
        frame ??= requestAnimationFrame(show);
      }
    })().catch((error: unknown) => {
      if (!isApiError(error, 'ABORTED'))
        setProblem(error instanceof Error ? error.message : String(error));
    });
    return () => {
      leaving.abort();
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, [isStopped]);
  useEffect(() => {
    if (!isPaused && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, isPaused]);

  const wanted = search.toLowerCase();
  const shown = wanted === '' ? lines : lines.filter((line) => line.toLowerCase().includes(wanted));
  return (
    <section class="log" aria-label={label}>
      <div class="tools">
        <input
          type="search"
          placeholder="Search"
          aria-label={`Search in: ${label}`}
          value={search}
          onInput={({ currentTarget }) => setSearch(currentTarget.value)}
        />
        <button type="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          Pause
        </button>
        <button type="button" aria-pressed={isWrapped} onClick={() => setWrapped(!isWrapped)}>
          Wrap
        </button>
        <button
          type="button"
          onClick={() => navigator.clipboard?.writeText(shown.map(toPlain).join('\n'))}
        >
          Copy
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <pre ref={box} class={isWrapped ? 'wrapped' : ''} tabIndex={0} role="log" aria-label={label}>
        {shown.map((line, index) => (
          <Line key={index} line={line} />
        ))}
      </pre>
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}

function Line({ line }: { readonly line: string }) {
  return (
    <div>
      {toPieces(line).map(({ text, style }, index) => (
        <span key={index} class={style}>
          {text}
        </span>
      ))}
    </div>
  );
}

function toPlain(line: string): string {
  return toPieces(line)
    .map(({ text }) => text)
    .join('');
}
