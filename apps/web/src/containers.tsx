// The containers as rows: name, health, uptime, published ports; and what can be done with one.

import type { Container, Whoami } from '@ondemand/client';
import { useEffect, useState } from 'preact/hooks';
import { type Action, useAction } from './actions.ts';
import type { Live, Seen } from './live-state.ts';
import { BuildOutput, Log } from './output.tsx';
import { HoldButton } from './press-and-hold-button.tsx';
import { toHealth, toPublishedPorts, toUptime } from './texts.ts';

export interface ContainersProps {
  readonly live: Live;
  readonly seen: Seen;
}

export function Containers({ live, seen }: ContainersProps) {
  const [open, setOpen] = useState<string>();
  const { containers, whoami, ip, ready } = seen;
  if (containers === undefined || whoami === undefined) return null;
  const isTrue = ready?.ready === true; // else the names alone are known
  return (
    <ul class={`containers ${isTrue ? '' : 'old'}`} aria-label="Containers">
      {containers.map((container) => (
        <li key={container.name}>
          <button
            type="button"
            class="row"
            aria-expanded={open === container.name}
            onClick={() => setOpen(open === container.name ? undefined : container.name)}
          >
            <span class="name">{container.name}</span>
            {isTrue && (
              <>
                <span class={`health ${toHealth(container).replace(' ', '-')}`}>
                  {toHealth(container)}
                </span>
                <span class="uptime">{toUptime(container.uptime)}</span>
              </>
            )}
          </button>
          {toPublishedPorts(container.ports, isTrue ? ip : undefined).map(({ url, label }) => (
            <a key={url} class="port" href={url} target="_blank" rel="noreferrer">
              {label}
            </a>
          ))}
          {isTrue && open === container.name && (
            <Opened live={live} container={container} whoami={whoami} />
          )}
        </li>
      ))}
    </ul>
  );
}

interface OpenedProps {
  readonly live: Live;
  readonly container: Container;
  readonly whoami: Whoami;
}

function Opened({ live, container, whoami }: OpenedProps) {
  const action = useAction();
  const [job, setJob] = useState<string>();
  const [isLogOpen, setLogOpen] = useState(false);
  const { jobs } = live.client;
  useEffect(() => {
    const leaving = new AbortController();
    jobs.list.query(undefined, { signal: leaving.signal }).then(
      (all) => {
        const own = all.find(
          ({ target, state }) => target === container.name && state === 'running',
        );
        if (own !== undefined) setJob(own.id); // begun elsewhere, or before this page was left
      },
      () => {}, // then the build alone is not shown
    );
    return () => leaving.abort();
  }, [container.name]);
  return (
    <div class="opened">
      {whoami.scopes.includes('admin') && (
        <ContainerActions {...{ live, container, action, onJob: setJob }} />
      )}
      <button type="button" aria-expanded={isLogOpen} onClick={() => setLogOpen(!isLogOpen)}>
        Logs
      </button>
      {action.failure !== undefined && (
        <p class="problem" role="alert">
          {action.failure}
        </p>
      )}
      {job !== undefined && <BuildOutput client={live.client} id={job} />}
      {isLogOpen && <Log client={live.client} name={container.name} />}
    </div>
  );
}

interface ContainerActionsProps {
  readonly live: Live;
  readonly container: Container;
  readonly action: Action;
  readonly onJob: (id: string) => void;
}

function ContainerActions({ live, container, action, onJob }: ContainerActionsProps) {
  const { name, state } = container;
  const { containers } = live.client;
  const rebuild = async () => {
    const { job } = await containers.rebuild.mutate({ name, async: true });
    if (job !== undefined) onJob(job);
  };
  const isRunning = state === 'running' || state === 'restarting' || state === 'paused';
  return (
    <>
      {isRunning ? (
        <>
          <HoldButton
            label={`Restart ${name}`}
            disabled={action.isRunning}
            onHeld={() => action.run(() => containers.restart.mutate({ name }))}
          >
            Restart
          </HoldButton>
          <HoldButton
            label={`Stop ${name}`}
            disabled={action.isRunning}
            onHeld={() => action.run(() => containers.stop.mutate({ name }))}
          >
            Stop
          </HoldButton>
        </>
      ) : (
        <button
          type="button"
          disabled={action.isRunning}
          onClick={() => action.run(() => containers.start.mutate({ name }))}
        >
          Start
        </button>
      )}
      <HoldButton
        label={`Rebuild ${name}`}
        disabled={action.isRunning}
        onHeld={() => action.run(rebuild)}
      >
        Rebuild
      </HoldButton>
    </>
  );
}
