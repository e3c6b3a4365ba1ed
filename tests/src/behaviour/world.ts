// What the behaviour suite needs of the world that it runs against, sandbox or real.

import type { App } from '../support/start-sandbox-and-api.ts';

export interface BehaviourWorld extends AsyncDisposable {
  readonly app: Pick<App, 'url' | 'request' | 'get' | 'post' | 'getJson' | 'postJson'>;
  /** Names of containers by the part they play. */
  readonly containers: {
    /** Of a compose project and built there, running, publishes ports. */
    readonly web: string;
    /** Running; wrote `mixedLines` to stdout and stderr in turn, and nothing else. */
    readonly mixed: string;
    /** Running; wrote `line 1` to `line 150`, and nothing else. */
    readonly talkative: string;
    /** Has a TTY; wrote `ttyLines`, and nothing else. */
    readonly tty: string;
    /** Ended by itself with exit code 3. */
    readonly exited: string;
    readonly created: string;
    readonly paused: string;
    /** Running; has `SECRET_WORD=secretWord`, and a label `org.example.repeats` that holds it. */
    readonly secretive: string;
    /** Of no compose project, running. */
    readonly plain: string;
  };
  /** PORTS of `web` as docker prints them. */
  readonly webPorts: string;
  /** Changes a file that the image of `web` is built from. */
  writePage(text: string): Promise<void>;
  /** Tells what the running `web` was built from: another answer once it was built from another page. */
  builtFrom(): Promise<string>;
  /** Makes the next build of `web` end with exit code 7, after it printed `broken on purpose`. */
  breakBuild(): Promise<void>;
  /** The full id of a container. */
  idOf(name: string): Promise<string>;
}

export const secretWord = 'open-sesame-42';
export const mixedLines = ['out 1', 'err 1', 'out 2', 'err 2', 'out 3', 'err 3'] as const;
export const ttyLines = ['ready', 'grüß Gott ✓'] as const;
export const talkativeLines: readonly string[] = Array.from(
  { length: 150 },
  (_, index) => `line ${index + 1}`,
);
