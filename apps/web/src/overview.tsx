// The VM at a glance: its phase, the one button that fits, why it is on, its containers, and what happened last.

import { useState } from 'preact/hooks';
import { Containers } from './containers.tsx';
import { useNow, useSeen } from './hooks.ts';
import type { Live, Seen } from './live-state.ts';
import { Power } from './power-buttons.tsx';
import { basePath } from './served-settings.ts';
import { toActionText, toEventText, toPhaseWords, toTime, toWhy } from './texts.ts';
import { Why } from './why-on.tsx';

export interface OverviewProps {
  readonly live: Live;
  readonly onSignOut: () => void;
}

export function Overview({ live, onSignOut }: OverviewProps) {
  const seen = useSeen(live);
  const nowMs = useNow();
  const [isWhyOpen, setWhyOpen] = useState(false);
  const { ready, idle, lastEvent, lastAction, problem, whoami } = seen;
  if (ready === undefined || whoami === undefined) {
    return (
      <main class="overview">
        <h1 class="phase off" aria-live="polite">
          {problem ?? '…'}
        </h1>
      </main>
    );
  }
  const phase = toPhaseWords(ready, { sinceMs: seen.phaseSinceMs ?? nowMs, idle, nowMs });
  const why = toWhy(ready, idle);
  const mayRead = whoami.scopes.some((scope) => scope !== 'wake');
  return (
    <main class={`overview ${problem === undefined ? '' : 'old'}`}>
      {problem !== undefined && <Old {...seen} problem={problem} />}
      <h1 class={`phase ${phase.tone}`} aria-live="polite" aria-label={`oci-flex: ${phase.word}`}>
        {phase.word}
      </h1>
      <button
        type="button"
        class="why"
        aria-expanded={isWhyOpen}
        onClick={() => {
          if (!isWhyOpen) void live.refreshIdle();
          setWhyOpen(!isWhyOpen);
        }}
      >
        <span>{why || 'Why is it on?'}</span>
      </button>
      <Power live={live} ready={ready} scopes={whoami.scopes} />
      {isWhyOpen && <Why live={live} idle={idle} whoami={whoami} />}
      <Containers live={live} seen={seen} />
      {(seen.containers !== undefined || !ready.ready || !mayRead) && (
        <footer>
          <p>
            {whoami.sub} · <a href={`${basePath}/docs`}>API</a> ·{' '}
            <button type="button" class="link" onClick={onSignOut}>
              Sign out
            </button>
          </p>
          {lastEvent !== undefined && <p class="last">{toEventText(lastEvent)}</p>}
          {lastAction !== undefined && <p class="last">{toActionText(lastAction)}</p>}
        </footer>
      )}
    </main>
  );
}

function Old({ problem, heardMs }: Seen & { readonly problem: string }) {
  const at = heardMs === undefined ? '' : `, as of ${toTime(new Date(heardMs).toISOString())}`;
  return (
    <p class="problem" role="status">
      {problem}
      {at}
    </p>
  );
}
