// The behaviour suite on Docker 26 with Compose 2 behind OpenSSH 10, all of Debian's next release.

import { startRealWorld } from '../behaviour/start-real-world.ts';
import { declareBehaviour } from '../behaviour/suite.ts';
import { describeWith } from './describe-or-skip.ts';
import { findNewerDebian } from './newer-debian.ts';

describeWith(await findNewerDebian(), "behaviour on Debian's next release", ({ folder }) =>
  declareBehaviour(() => startRealWorld({ root: folder })),
);
