import { expect, test } from 'vitest';
import { maxBootMs, offInsideMs } from './defaults-limits-timeouts.ts';
import { endsInHalt, isDeadEnd, type PhaseFacts, toPhase } from './ready.ts';

const facts = (given: Partial<PhaseFacts>): PhaseFacts => ({
  lifecycleState: 'RUNNING',
  isConnected: false,
  isDockerUp: false,
  isRefused: false,
  isWaking: false,
  bootingMs: undefined,
  goneMs: 0,
  hasHalted: false,
  ...given,
});
const up = { isConnected: true, isDockerUp: true };

test.each<[string, Partial<PhaseFacts>, string]>([
  ['STOPPED', { lifecycleState: 'STOPPED' }, 'asleep'],
  ['STOPPED, and a wake waits for a host', { lifecycleState: 'STOPPED', isWaking: true }, 'waking'],
  ['STARTING', { lifecycleState: 'STARTING' }, 'waking'],
  ['PROVISIONING', { lifecycleState: 'PROVISIONING' }, 'waking'],
  ['STOPPING, though SSH still answers', { lifecycleState: 'STOPPING', ...up }, 'stopping'],
  ['STOPPING, and a wake waits', { lifecycleState: 'STOPPING', isWaking: true }, 'stopping'],
  ['TERMINATING', { lifecycleState: 'TERMINATING' }, 'stopping'],
  ['TERMINATED', { lifecycleState: 'TERMINATED' }, 'unreachable'],
  ['all answers', up, 'on'],
  ['all answers but OCI', { lifecycleState: undefined, ...up }, 'on'],
  ['nothing answers, OCI neither', { lifecycleState: undefined }, 'unreachable'],
  ['SSH answers, Docker not yet', { isConnected: true, bootingMs: 9000 }, 'waking'],
  ['SSH answers, Docker is down', { isConnected: true }, 'on'],
  ['SSH answers, Docker never came', { isConnected: true, bootingMs: maxBootMs }, 'on'],
  ['it was seen off a moment ago', { bootingMs: 60_000 }, 'waking'],
  ['it was seen off long ago', { bootingMs: maxBootMs, goneMs: 60_000 }, 'unreachable'],
  ['SSH is gone since a moment', { goneMs: 60_000, hasHalted: true }, 'unreachable'],
  ['SSH is gone for long, no halt', { goneMs: offInsideMs }, 'unreachable'],
  ['SSH is gone for long, halted', { goneMs: offInsideMs, hasHalted: true }, 'off-inside'],
  ['the host key is not known', { isRefused: true, bootingMs: 1000 }, 'unreachable'],
  ['it is being moved', { lifecycleState: 'MOVING' }, 'waking'],
])('%s: %j is %s', (_, given, phase) => {
  expect(toPhase(facts(given))).toBe(phase);
});

test.each([
  ['asleep', 'STOPPED', false, true],
  ['off-inside', 'RUNNING', false, true],
  ['stopping', 'TERMINATING', false, true],
  ['unreachable', 'TERMINATED', false, true],
  ['unreachable', 'RUNNING', true, true],
  ['unreachable', 'RUNNING', false, false],
  ['stopping', 'STOPPING', false, false],
  ['waking', 'STARTING', false, false],
  ['on', 'RUNNING', false, false],
] as const)(
  '%s, %s, refused %s: a dead end is %s',
  (phase, lifecycleState, isRefused, expected) => {
    expect(isDeadEnd({ phase, vm: { lifecycleState }, isRefused })).toBe(expected);
  },
);

const boot = 'UEFI firmware starting\r\n[    0.000000] Linux version 6.12\r\noci-flex login: ';
test.each([
  ['a power-off', `${boot}\r\n[ 912.1] reboot: Power down\r\n`, true],
  ['a halt', '[ 912.1] reboot: System halted', true],
  ['systemd', '[  OK  ] Reached target System Power Off.\r\n', true],
  ['the newer systemd', '[  OK  ] Reached target poweroff.target - System Power Off.\n\n', true],
  ['BSD and OpenRC', 'The system is going down NOW!\nSystem halted.', true],
  ['a boot', boot, false],
  ['a boot after a halt', `[ 9.1] reboot: Power down\r\n${boot}`, false],
  ['a restart', '[ 9.1] reboot: Restarting system', false],
  ['a login shell that speaks of it', `${boot}opc\r\n$ echo reboot`, false],
  ['nothing', '', false],
])('a console that ends in %s', (_, text, expected) => {
  expect(endsInHalt(text)).toBe(expected);
});
