// The recipes of docs/page.md: a proxy whose service does not answer sends its visitors to be woken.

import { findFreePort } from '@ondemand/sandbox';
import { expect, test } from 'vitest';
import { proxyProblem, startProxy } from '../support/start-proxy.ts';
import { describeWith } from './describe-or-skip.ts';

const kinds = ['nginx', 'caddy'] as const;

describeWith(proxyProblem(kinds) ?? {}, 'a proxy before a service that is off', () => {
  test.each(kinds)('%s leads to /wake/{name} with the address that was asked for', async (kind) => {
    const wakeUrl = 'https://ondemand.example.com/wake/cloud';
    await using proxy = await startProxy(kind, { targetPort: await findFreePort(), wakeUrl });
    const answer = await fetch(`${proxy.url}/files/a?x=1`, { redirect: 'manual' });
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toBe(`${wakeUrl}?to=http://127.0.0.1/files/a`);
  });
});
