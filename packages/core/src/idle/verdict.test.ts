// The verdict as a table: what keeps the VM on, and what stops it when.

import { describe, expect, test } from 'vitest';
import type { Announcement } from '../adapter-ports.ts';
import { type SignalName, type SignalState, signalNames } from '../model/idle.ts';
import {
  decide,
  type IdleObservation,
  type IdleSettings,
  laterRules,
  type SignalReading,
} from './verdict.ts';

const minute = 60;
const hour = 60 * minute;
const now = 1_770_545_731;
const settings: IdleSettings = { stopAfter: 30 * minute, announce: 5 * minute, dryRun: false };

function reading(
  name: SignalName,
  state: SignalState = 'unused',
  lastUsed: number | null = null,
): SignalReading {
  return {
    name,
    state,
    value: 0,
    threshold: 0,
    lastUsed,
    by: lastUsed === null ? null : 'somebody',
  };
}

const told = (announcement: Partial<Announcement>): Announcement => ({
  ...{ at: now, stopsAt: now, because: 'idle', isDryRun: false },
  ...announcement,
});

/** On for a day, not used for two hours, and announced long enough ago; each part can be changed. */
function observe({
  states = {},
  ...changes
}: Partial<IdleObservation> & {
  states?: Partial<Record<SignalName, SignalState>>;
} = {}): IdleObservation {
  return {
    now,
    readySince: now - 24 * hour,
    signals: signalNames.map((name) =>
      reading(name, states[name], name === 'connections' ? now - 2 * hour : null),
    ),
    leasedUntil: undefined,
    unknownAt: undefined,
    announced: told({ at: now - 95 * minute, stopsAt: now - 90 * minute }),
    ...changes,
  };
}

const stops = (changes: Parameters<typeof observe>[0], rules: Partial<IdleSettings> = {}) =>
  decide(observe(changes), { ...settings, ...rules }).stops;

describe('a VM that nothing uses', () => {
  test('stops once it was not used for long enough and that was announced', () => {
    expect(decide(observe(), settings)).toEqual({
      enabled: true,
      usedAt: now - 2 * hour,
      usedBy: 'connections: somebody',
      stopsAt: now - 90 * minute,
      because: 'idle',
      announces: false,
      stops: true,
    });
  });

  test.each(
    signalNames.flatMap((name) =>
      (['used', 'unknown'] as const).map((state) => [name, state] as const),
    ),
  )('stays on while %s alone is %s', (name, state) => {
    const decision = decide(observe({ states: { [name]: state } }), settings);
    expect(decision).toMatchObject({
      stops: false,
      stopsAt: null,
      because: null,
      announces: false,
    });
  });

  test('stops for every combination of signals only where all of them are unused', () => {
    const all = ['unused', 'used', 'unknown'] as const;
    const places = signalNames.map((_, index) => 3 ** index);
    for (let code = 0; code < 3 ** signalNames.length; code += 1) {
      const digits = places.map((place) => Math.floor(code / place) % 3);
      const states = Object.fromEntries(
        signalNames.map((name, index) => [name, all[digits[index] ?? 0] ?? 'unused']),
      );
      if (stops({ states }) !== (code === 0)) expect.unreachable(JSON.stringify(states));
    }
  });

  test.each([
    ['the rule is off', {}, { stopAfter: undefined }],
    [
      'it was used a moment too late',
      { signals: signalNames.map((name) => reading(name, 'unused', now - 30 * minute + 1)) },
      {},
    ],
    ['something was unknown a moment ago', { unknownAt: now - minute }, {}],
    [
      'it became ready nine minutes ago',
      { readySince: now - 9 * minute, announced: undefined },
      { stopAfter: minute, announce: 0 },
    ],
    ['nobody was told', { announced: undefined }, {}],
    [
      'what was announced came before its last use',
      { announced: told({ at: now - 3 * hour, stopsAt: now - 2 * hour }) },
      {},
    ],
    [
      'another stop was announced',
      { announced: told({ at: now - 10 * minute, because: 'max-on' }) },
      {},
    ],
    [
      'a stop was announced that was not to be carried out',
      { announced: told({ at: now - 10 * minute, isDryRun: true }) },
      {},
    ],
    [
      'it was announced not so long ahead as the settings say now',
      { announced: told({ at: now - 2 * minute, stopsAt: now - minute }) },
      {},
    ],
    [
      'the announced time is not there yet',
      { announced: told({ at: now - minute, stopsAt: now + 4 * minute }) },
      {},
    ],
    [
      'the clock of the VM was set back an hour',
      { signals: signalNames.map((name) => reading(name, 'unused', now + hour)) },
      {},
    ],
  ])('stays on while %s', (_why, changes, rules) => {
    expect(stops(changes, rules)).toBe(false);
  });

  test('is told of so long ahead, and never stops without that', () => {
    const lastUsed = now - 25 * minute;
    const signals = signalNames.map((name) => reading(name, 'unused', lastUsed));
    const inTime = decide(observe({ signals, announced: undefined }), settings);
    expect(inTime).toMatchObject({
      announces: true,
      stops: false,
      stopsAt: lastUsed + 30 * minute,
    });
    const early = decide(observe({ now: now - 1, signals, announced: undefined }), settings);
    expect(early).toMatchObject({ announces: false, stopsAt: lastUsed + 30 * minute });
    const late = decide(observe({ announced: undefined }), settings);
    expect(late).toMatchObject({ announces: true, stops: false, stopsAt: now + 5 * minute });
    const silent = decide(observe({ announced: undefined }), { ...settings, announce: 0 });
    expect(silent).toMatchObject({ stops: true });
  });

  test('is told anew, and so long ahead, once a dry run has been switched off', () => {
    const seen = observe({ announced: told({ at: now - hour, isDryRun: true }) });
    const announced = { announces: true, stops: false, stopsAt: now + 5 * minute };
    expect(decide(seen, settings)).toMatchObject(announced);
    const dryRun = { ...settings, dryRun: true };
    expect(decide(seen, dryRun)).toMatchObject({ announces: false, stops: true });
    // One that is carried out is told for both, so that two processes do not announce in turn.
    expect(decide(observe(), dryRun)).toMatchObject({ announces: false, stops: true });
  });

  test('counts from when it became ready where it was not used since', () => {
    const seen = observe({ readySince: now - 20 * minute, announced: undefined });
    expect(decide(seen, settings)).toMatchObject({
      usedAt: now - 20 * minute,
      usedBy: null,
      stopsAt: now + 10 * minute,
    });
  });
});

describe('MAX_ON_HOURS', () => {
  const rules = { stopAfter: undefined, maxOn: 8 * hour };
  const announced = told({ at: now - 6 * minute, stopsAt: now - minute, because: 'max-on' });
  const readySince = now - 8 * hour - minute;

  test('stops the VM although it is used', () => {
    for (const name of signalNames)
      expect(stops({ readySince, announced, states: { [name]: 'used' } }, rules), name).toBe(true);
  });

  test('counts from when the VM was switched on, not from when it became ready', () => {
    const since = now - 15 * minute;
    const seen = observe({ onSince: readySince, readySince: since, announced: undefined });
    expect(decide(seen, { ...settings, ...rules })).toMatchObject({
      because: 'max-on',
      stopsAt: now + settings.announce,
      announces: true,
    });
    const inTime = told({ at: now - 6 * minute, stopsAt: now + minute, because: 'max-on' });
    const soon = observe({ ...seen, announced: inTime, readySince: now - 9 * minute });
    const late = { ...soon, isReadySinceCertain: true };
    expect(decide(late, { ...settings, ...rules })).toMatchObject({
      stops: false,
      stopsAt: now + minute,
    });
    // It may have been ready for long when it was first observed.
    expect(decide({ ...soon, announced }, { ...settings, ...rules })).toMatchObject({
      stops: true,
    });
  });

  test('is put off by a lease, announced anew, and waits where leases are unknown', () => {
    const leased = {
      readySince,
      announced,
      leasedUntil: now + hour,
      states: { leases: 'used' } as const,
    };
    expect(decide(observe(leased), { ...settings, ...rules })).toMatchObject({
      stops: false,
      stopsAt: now + hour,
      because: 'max-on',
    });
    const later = { ...leased, now: now + hour, leasedUntil: undefined };
    expect(stops({ readySince, announced, states: { leases: 'unknown' } }, rules)).toBe(false);
    expect(decide(observe(later), { ...settings, ...rules })).toMatchObject({ stops: true });
  });

  test('and idleness: whichever comes first', () => {
    const both = { ...settings, maxOn: 22 * hour };
    expect(decide(observe({ announced: undefined }), both).because).toBe('max-on');
    expect(decide(observe(), { ...settings, maxOn: 48 * hour }).because).toBe('idle');
  });
});

test('of two processes with different settings the later stop wins', () => {
  expect(laterRules([{ stopAfter: 900, maxOn: 60 }, { stopAfter: 1800 }])).toEqual({
    stopAfter: 1800,
    maxOn: undefined,
  });
  expect(laterRules([{ stopAfter: 900 }])).toEqual({ stopAfter: 900, maxOn: undefined });
});
