import type { IdleVerdict, Signal } from '@ondemand/client';
import { expect, test } from 'vitest';
import { formatLocal } from '../output/local-time.ts';
import { createStyle } from '../output/style.ts';
import { idleVerdict, lease } from '../testing/fixtures.test-support.ts';
import { toIdleSheet } from './idle-sheet.ts';

const view = { style: createStyle(false), now: new Date('2026-02-08T10:15:30Z') };
const sheet = (verdict: Partial<IdleVerdict>) => toIdleSheet({ ...idleVerdict, ...verdict }, view);
const signal = (changes: Partial<Signal>): Signal => ({
  ...{ name: 'connections', state: 'unused', value: 0, threshold: 0, lastUsedAt: null, by: null },
  ...changes,
});

test('idle says in one screen what keeps the VM on, what to close, and when it stops', () => {
  expect(
    sheet({
      signals: [
        signal({
          state: 'used',
          value: 1,
          lastUsedAt: '2026-02-08T10:15:30Z',
          by: 'nginx:80 from 198.51.100.7:51234',
        }),
        signal({
          name: 'cpu',
          value: 3.4,
          threshold: 20,
          lastUsedAt: '2026-02-08T07:15:30Z',
          by: 'app 98 %',
        }),
        signal({
          name: 'probe',
          state: 'unknown',
          value: null,
          reason: "the probe of 'game' did not end in time",
        }),
        signal({ name: 'leases', state: 'used', value: 1, by: 'ana (a film)' }),
      ],
      usedAt: '2026-02-08T10:15:30.000Z',
      usedBy: 'connections: nginx:80 from 198.51.100.7:51234',
      leases: [lease],
    }),
  ).toBe(
    `Kept on     by connections, leases, and as probe could not be read
Stops       not while that is so
Last used   a moment ago (${formatLocal('2026-02-08T10:15:30.000Z')}), connections: nginx:80 from 198.51.100.7:51234

SIGNAL        STATE     VALUE   USED ABOVE   LAST USED     BY
connections   used      1       0            now           nginx:80 from 198.51.100.7:51234
cpu           unused    3.4 %   20 %         3 hours ago   app 98 %
probe         unknown           0                          
leases        used      1       0            now           ana (a film)

connections   nginx:80 from 198.51.100.7:51234: close it there, or label the container ondemand.idle=ignore
probe         the probe of 'game' did not end in time: the VM stays on until that can be read
leases        ana (a film): ondemand keep --release ID

LEASE                      ENDS         BY      REASON
20260208T101530Z-5f3a9c21   in 2 hours   diego   a film
`
      .replace('LEASE                      ENDS', 'LEASE                       ENDS')
      .replaceAll(/ +$/gm, ''),
  );
});

test('idle of a VM that nothing uses says when it stops and why', () => {
  const stopsAt = '2026-02-08T10:40:30.000Z';
  expect(sheet({ signals: [signal({})], stopsAt, stopsBecause: 'idle' })).toContain(
    `Kept on     by nothing\nStops       in 25 minutes (${formatLocal(stopsAt)}), as nothing uses it\n`,
  );
  expect(sheet({ stopsAt, stopsBecause: 'max-on', dryRun: true })).toContain(
    'as it has been on for long, but for the dry run',
  );
  expect(sheet({ enabled: false })).toContain('never by itself');
});
