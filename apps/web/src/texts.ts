// The page's words for what the API tells.

import type { AuditEntry, Container, IdleVerdict, OnDemandEvent, VmReady } from '@ondemand/client';
import type { Retry } from './keep-trying.ts';

/** Such as `0:32`, `12 min`, `3 h 5 min`. */
export function toDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function toTime(iso: string): string {
  return new Date(iso).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

export interface PhaseWords {
  readonly word: string;
  readonly tone: 'on' | 'off' | 'moving' | 'bad';
}

export function toPhaseWords(
  ready: VmReady,
  { sinceMs, idle, nowMs }: { sinceMs: number; idle: IdleVerdict | undefined; nowMs: number },
): PhaseWords {
  switch (ready.phase) {
    case 'asleep':
      return { word: 'Asleep', tone: 'off' };
    case 'waking':
      return { word: `Waking ${toDuration(nowMs - sinceMs)}`, tone: 'moving' };
    case 'stopping':
      return { word: 'Stopping', tone: 'moving' };
    case 'off-inside':
      return { word: 'Off inside but billed', tone: 'bad' };
    case 'unreachable':
      return { word: 'Unreachable', tone: 'bad' };
    case 'on':
      return idle?.stopsAt
        ? { word: `Stops in ${toDuration(Date.parse(idle.stopsAt) - nowMs)}`, tone: 'on' }
        : { word: 'On', tone: 'on' };
  }
}

/** What a wake waits for and for how long yet; empty where it is under way. */
export function toRetryText({
  ready,
  retry,
  nowMs,
}: {
  readonly ready?: VmReady | undefined;
  readonly retry: Retry | undefined;
  readonly nowMs: number;
}): string {
  const next = ready?.nextStart && { why: noHost, atMs: Date.parse(ready.nextStart.at) };
  const { why, atMs } = retry ?? next ?? {};
  return atMs === undefined ? '' : `${why}; next try in ${toDuration(atMs - nowMs)}`;
}

const noHost = 'Oracle has no free host';

/** Why it is on, or what it waits for, in one line. */
export function toWhy(ready: VmReady, idle: IdleVerdict | undefined): string {
  if (ready.nextStart) return `${noHost}; next try at ${toTime(ready.nextStart.at)}`;
  if (ready.phase === 'waking') {
    if (ready.vm.lifecycleState !== 'RUNNING') return 'Oracle starts it';
    return ready.ssh.ok ? 'Docker starts' : 'Its system boots';
  }
  if (ready.phase === 'asleep') return 'It costs no compute time';
  if (ready.phase === 'off-inside') return 'Its system has shut down; stop it here, then wake it';
  if (!ready.ready) return ready.vm.reason ?? ready.ssh.reason ?? ready.docker.reason ?? '';
  if (idle === undefined) return '';
  const used = idle.signals.find(({ state }) => state !== 'unused');
  if (used?.state === 'used') return `Used: ${used.by ?? used.name}`;
  if (used !== undefined) return `Stays on: ${used.name} cannot be read`;
  if (idle.stopsBecause === 'max-on') return 'It has been on for as long as it may';
  return idle.usedAt === null ? '' : `Not used since ${toTime(idle.usedAt)}`;
}

export function toEventText(event: Exclude<OnDemandEvent, { type: 'resync' }>): string {
  const at = toTime(event.time);
  switch (event.type) {
    case 'vm':
      return `${at} oci-flex ${event.lifecycleState.toLowerCase()}`;
    case 'container':
      return `${at} ${event.name} ${event.health ?? event.action}`;
    case 'job':
      return `${at} ${event.kind} of ${event.target} ${event.state}`;
    case 'idle':
      return `${at} idle stop ${event.stage}`;
  }
}

/** Such as `15:02 ann: restart nginx, refused`. */
export function toActionText({ time, sub, action, target, outcome }: AuditEntry): string {
  const verb = action.replace(/^.*_/, '').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${toTime(time)} ${sub}: ${verb} ${target ?? ''}${outcome === 'success' ? '' : `, ${outcome}`}`;
}

/** Docker's `Up 2 hours (healthy)` in two words. */
export function toHealth({ state, uptime }: Container): string {
  return (
    /\((healthy|unhealthy|health: starting)\)/.exec(uptime)?.[1]?.replace('health: ', '') ?? state
  );
}

/** Without what the state and the health say already. */
export function toUptime(uptime: string): string {
  return uptime
    .replace(/ \((?:un)?healthy\)$| \(health: .*\)$| \(Paused\)$/, '')
    .replace(/^(?:Exited|Restarting) (\(\d+\)) /, '$1 ');
}

export interface PublishedPort {
  readonly url: string;
  readonly label: string;
}

/** The ports of `0.0.0.0:8080->80/tcp` that a browser elsewhere can open. */
export function toPublishedPorts(ports: string, ip: string | undefined): readonly PublishedPort[] {
  if (ip === undefined) return [];
  const found = new Map<string, PublishedPort>();
  for (const [, host = '', port = '', inner] of ports.matchAll(/(\S+):(\d+)->(\d+)\/tcp/g)) {
    if (/^(127\.|\[?::1)/.test(host)) continue;
    const scheme = port === '443' || inner === '443' || inner === '8443' ? 'https' : 'http';
    const shown = (scheme === 'http' && port === '80') || port === '443' ? '' : `:${port}`;
    found.set(port, { url: `${scheme}://${ip}${shown}`, label: port });
  }
  return [...found.values()];
}
