// A simulated hour of tokens nobody has seen, at an issuer with Authelia's rate limits: what they cost a caller who is known.

import { startSandbox } from '@ondemand/sandbox';
import { createAuthenticator } from '@ondemand/server';
import { expect, test } from 'vitest';
import { openAll } from '../support/disposer.ts';

const hourMs = 3_600_000;

/** The API's authentication and its issuer, by one clock that a test turns. */
function startWorld() {
  return openAll(async (opened) => {
    const startedAtMs = Date.now();
    let passedMs = 0;
    const now = () => startedAtMs + passedMs;
    const oidc = { flavour: 'authelia', rateLimits: true, now } as const;
    const sandbox = opened.use(await startSandbox({ lifecycleState: 'STOPPED', oidc }));
    const { issuer, audience, clients, paths } = sandbox.oidc;
    const { authenticate } = createAuthenticator({
      issuer,
      audience,
      scopeNames: { read: 'read', wake: 'wake', admin: 'admin' },
      client: clients.api,
      now,
      date: () => new Date(now()),
    });
    return {
      tokens: sandbox.oidc.tokens,
      introspections: () => sandbox.oidc.count(paths.introspection),
      advance(ms: number) {
        passedMs += ms;
      },
      /** The scopes, else the code of the refusal. */
      ask: (token: string, network: string) =>
        authenticate([`Bearer ${token}`], { network, async requireAttempt() {} }).then(
          ({ scopes }) => scopes.join(' '),
          ({ code }) => String(code),
        ),
    };
  });
}

test.each([
  ['one client, a token each 3 s', 3000, 1, 1],
  ['one client, 45 tokens each quarter of an hour', hourMs / 4, 45, 1],
  ['twelve clients of as many networks, each a token a minute', 60_000, 12, 12],
])(
  'an hour of garbage costs a known caller no call: %s',
  async (_, everyMs, burst, networks) => {
    await using world = await startWorld();
    const known = await world.tokens.read();
    expect(await world.ask(known, 'home')).toBe('read');
    let refused = 0;
    for (let passedMs = 0; passedMs < hourMs; passedMs += 3000) {
      for (let index = 0; passedMs % everyMs === 0 && index < burst; index += 1) {
        const network = `elsewhere-${index % networks}`;
        const answer = await world.ask(`authelia_at_${passedMs}-${index}`, network);
        expect(answer).toMatch(/^(?:UNAUTHORIZED|SERVICE_UNAVAILABLE)$/);
        if (answer === 'UNAUTHORIZED') refused += 1;
      }
      expect(await world.ask(known, 'home')).toBe('read');
      world.advance(3000);
    }
    expect(refused).toBeGreaterThan(10); // they were asked about, as far as that was harmless
    expect(world.introspections()).toBeLessThan(180); // one for the known caller each half minute, and a few
    expect(await world.ask(await world.tokens.admin(), 'home')).toBe('read wake admin');
  },
  120_000,
);
