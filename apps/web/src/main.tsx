// The page: who is signed in, and then what it is about.

import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { createLive, type Live } from './live-state.ts';
import { Overview } from './overview.tsx';
import { basePath, settings } from './served-settings.ts';
import { finishSignIn, type Session } from './session.ts';
import { SignIn } from './sign-in.tsx';
import { WakePage } from './wake-page.tsx';
import { readWakeTarget } from './wake-target.ts';

function Page() {
  const [live, setLive] = useState<Live>();
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    finishSignIn(settings).then(
      (session) => {
        if (session !== undefined) enter(session);
      },
      (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)),
    );
  }, []);

  function enter(session: Session): void {
    const opened = createLive(session);
    opened.onRefused((reason) => {
      opened.close();
      setLive(undefined);
      setProblem(reason);
    });
    setProblem(undefined);
    setLive(opened);
  }

  if (live !== undefined) {
    const target = readWakeTarget(location, basePath);
    const leave = () => {
      live.close();
      setLive(undefined);
    };
    return target === undefined ? (
      <Overview live={live} onSignOut={leave} />
    ) : (
      <WakePage live={live} target={target} returnOrigins={settings.returnOrigins} />
    );
  }
  return <SignIn settings={settings} problem={problem} onSession={enter} />;
}

const root = document.getElementById('page');
if (root !== null) render(<Page />, root);
