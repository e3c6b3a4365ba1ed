// Signing in: at the issuer, or with a pasted token.

import { useState } from 'preact/hooks';
import { useAction } from './actions.ts';
import type { PageSettings } from './served-settings.ts';
import { type Session, startSignIn, toPastedSession } from './session.ts';

export interface SignInProps {
  readonly settings: PageSettings;
  readonly problem: string | undefined;
  readonly onSession: (session: Session) => void;
}

export function SignIn({ settings, problem, onSession }: SignInProps) {
  const [token, setToken] = useState('');
  const signIn = useAction();
  const failure = signIn.failure ?? problem;
  return (
    <main class="sign-in">
      <h1>oci-flex</h1>
      {failure !== undefined && (
        <p class="problem" role="alert">
          {failure}
        </p>
      )}
      {settings.clientId !== undefined && (
        <button
          type="button"
          class="big"
          disabled={signIn.isRunning}
          onClick={() => signIn.run(() => startSignIn(settings))}
        >
          Sign in
        </button>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== '') onSession(toPastedSession(token));
        }}
      >
        <label>
          {settings.clientId === undefined ? 'Access token' : 'or with an access token'}
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={token}
            onInput={({ currentTarget }) => setToken(currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={token.trim() === ''}>
          Use token
        </button>
      </form>
    </main>
  );
}
