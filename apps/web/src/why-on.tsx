// Why the VM is on, signal by signal, and what keeps it on.

import type { IdleVerdict, Lease, Whoami } from '@ondemand/client';
import { useState } from 'preact/hooks';
import { useAction } from './actions.ts';
import type { Live } from './live-state.ts';
import { toTime } from './texts.ts';

export interface WhyProps {
  readonly live: Live;
  /** Undefined while the VM does not answer. */
  readonly idle: IdleVerdict | undefined;
  readonly whoami: Whoami;
}

export function Why({ live, idle, whoami }: WhyProps) {
  if (idle === undefined) return <p class="note">Its use shows once it answers.</p>;
  const isAdmin = whoami.scopes.includes('admin');
  const mayKeep = isAdmin || whoami.scopes.includes('wake');
  return (
    <section class="card" aria-label="Why it is on">
      <table>
        <tbody>
          {idle.signals.map(({ name, state, by, reason, lastUsedAt }) => (
            <tr key={name} class={state}>
              <th scope="row">{name}</th>
              <td>{state}</td>
              <td>
                {reason ?? by ?? ''}
                {state === 'unused' && lastUsedAt !== null && ` (${toTime(lastUsedAt)})`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {!idle.enabled && <p class="note">This API does not stop it by itself.</p>}
      {idle.leases.map((lease) => (
        <KeptOn
          key={lease.id}
          live={live}
          lease={lease}
          mayEnd={isAdmin || (mayKeep && lease.sub === whoami.sub)}
        />
      ))}
      {mayKeep && <Keep live={live} />}
    </section>
  );
}

function KeptOn({
  live,
  lease,
  mayEnd,
}: {
  readonly live: Live;
  readonly lease: Lease;
  readonly mayEnd: boolean;
}) {
  const end = useAction();
  return (
    <p class="lease">
      {lease.sub} keeps it on until {toTime(lease.expiresAt)}
      {lease.reason && `: ${lease.reason}`}{' '}
      {mayEnd && (
        <button
          type="button"
          class="link"
          disabled={end.isRunning}
          onClick={() =>
            end.run(async () => {
              await live.client.vm.releaseLease.mutate({ id: lease.id });
              await live.refreshIdle();
            })
          }
        >
          Release
        </button>
      )}
      {end.failure}
    </p>
  );
}

function Keep({ live }: { readonly live: Live }) {
  const keep = useAction();
  const [reason, setReason] = useState('');
  const [minutes, setMinutes] = useState(60);
  return (
    <form
      class="keep"
      onSubmit={(event) => {
        event.preventDefault();
        void keep.run(async () => {
          await live.client.vm.takeLease.mutate({ minutes, reason });
          setReason('');
          await live.refreshIdle();
        });
      }}
    >
      <label>
        Keep it on for
        <select
          value={minutes}
          onChange={({ currentTarget }) => setMinutes(Number(currentTarget.value))}
        >
          {[30, 60, 120, 240, 480].map((each) => (
            <option key={each} value={each}>
              {each < 60 ? `${each} min` : `${each / 60} h`}
            </option>
          ))}
        </select>
      </label>
      <label>
        for
        <input
          value={reason}
          maxLength={200}
          placeholder="what for"
          onInput={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </label>
      <button type="submit" disabled={keep.isRunning}>
        Keep
      </button>
      {keep.failure !== undefined && (
        <p class="problem" role="alert">
          {keep.failure}
        </p>
      )}
    </form>
  );
}
