// What the tests of introspection share: an issuer that answers as they say, and an authenticator that asks it.

import { afterAll, beforeEach } from 'vitest';
import { createAuthenticator } from '../auth/authenticator.ts';
import {
  createTestClock,
  discoveryPath,
  startTestIssuer,
  unhurriedHttp,
} from './issuer.test-support.ts';

export const audience = 'https://ondemand.example.com';
export const client = { id: 'api', secret: 'a secret: with/signs+%' };
export const token = 'authelia_at_Zm9vYmFy.c2VjcmV0';
export const nowSeconds = () => Math.floor(Date.now() / 1000);
export const active = () => ({
  active: true,
  scope: 'read admin',
  aud: [audience],
  sub: 'diego',
  client_id: 'cli',
  token_type: 'bearer',
  exp: nowSeconds() + 3600,
  iat: nowSeconds(),
});

/** One issuer for a file's tests; each finds the token active, unless it says else. */
export async function startIntrospection() {
  const issuer = await startTestIssuer();
  const discovery = issuer.answers[discoveryPath];
  afterAll(() => issuer[Symbol.asyncDispose]());
  beforeEach(() => {
    issuer.answers[discoveryPath] = discovery;
    issuer.answers['/introspect'] = active();
  });
  const settings = () => ({
    issuer: issuer.url,
    audience,
    scopeNames: { read: 'read', wake: 'wake', admin: 'admin' },
    client,
  });
  const open = (options: Partial<Parameters<typeof createAuthenticator>[0]> = {}) => {
    const clock = createTestClock();
    const { authenticate } = createAuthenticator({
      http: unhurriedHttp,
      ...settings(),
      now: clock.now,
      date: clock.date,
      ...options,
    });
    const from = issuer.count('/introspect');
    return {
      clock,
      verify: (value = token) => authenticate([`Bearer ${value}`]),
      calls: () => issuer.count('/introspect') - from,
    };
  };
  return { issuer, discovery, settings, open };
}
