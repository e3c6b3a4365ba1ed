// Whether this machine's clock agrees with those of others, by which signatures and tokens are judged.

import { AppError } from '../app-error.ts';
import type { Findings } from './findings.ts';

export interface ClockOffset {
  /** Whose clock, as the end of a sentence. */
  readonly of: string;
  /** How far it is ahead of ours. */
  readonly offsetMs: number;
}

/** Tokens may be off by half a minute, OCI's signatures by five. */
export const maxOffsetMs = 30_000;

export function checkClocks(findings: Findings, offsets: readonly ClockOffset[]): void {
  if (offsets.length === 0) {
    findings.skipped(['clock'], 'Neither OCI nor the issuer told its time');
    return;
  }
  const wrong = offsets.filter(({ offsetMs }) => Math.abs(offsetMs) > maxOffsetMs);
  const names = offsets.map(({ of }) => of).join(' and ');
  const details = Object.fromEntries(
    offsets.map(({ of, offsetMs }) => [
      `${of === 'OCI' ? 'oci' : 'issuer'}OffsetSeconds`,
      Math.round(offsetMs / 1000),
    ]),
  );
  if (wrong.length === 0) {
    findings.ok('clock', `This machine's clock agrees with that of ${names}`, details);
    return;
  }
  const differences = wrong.map(
    ({ of, offsetMs }) =>
      `${toDuration(offsetMs)} ${offsetMs > 0 ? 'behind' : 'ahead of'} that of ${of}`,
  );
  findings.failed(
    'clock',
    new AppError(
      'INTERNAL_ERROR',
      `This machine's clock is ${differences.join(' and ')}, so tokens and signatures may be refused; set the clock that is wrong, and let NTP keep it`,
      { details },
    ),
  );
}

export function toDuration(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}
