// What a command may use: the API, the terminal and the signal of the user's interrupt.

import type { OnDemandClient } from '@ondemand/client';
import {
  type Environment,
  readContext,
  readSettings,
  readTokenOrigin,
  type Settings,
  type SettingsSource,
  type TokenOrigin,
} from './api-target.ts';
import { fetchAnswer } from './http-fetch.ts';
import { createLoginStore, type LoginStore, toConfigFolder } from './login/login-store.ts';
import type { Output, Streams } from './output/output.ts';
import type { UnfinishedWork } from './wait/finish-before-exit.ts';

export interface Context {
  readonly output: Output;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly env: Environment;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** The API's client; throws when the URL or the token is missing or malformed, or a login cannot be renewed. */
  connect(): Promise<OnDemandClient>;
  /** The same, with what it was made from. */
  connectFrom(): Promise<Connection>;
  /** Where the API and its token would be read from, for what needs neither. */
  readonly source: SettingsSource;
  /** Who the user is to the VM's sshd, as the context has it; undefined: what `ssh` itself takes. */
  sshUser(): Promise<string | undefined>;
  /** Who is told to get another token. */
  readonly tokenOrigin: TokenOrigin;
  readonly logins: LoginStore;
  /** Whether there is a terminal to ask in. */
  readonly canConfirm: boolean;
  readonly passSignals: PassSignals;
  /** Returns only when the user agrees; never call it where `canConfirm` is false. */
  confirm(text: string): Promise<void>;
}

/** Signals that would end this process go to `receive` instead, until disposed of: while another command runs that decides what they mean. */
export type PassSignals = (receive: (signal: NodeJS.Signals) => void) => Disposable;

export interface Connection extends Settings {
  readonly client: OnDemandClient;
}

export interface ContextOptions {
  readonly streams: Streams;
  readonly env: Environment;
  readonly url: string | undefined;
  readonly context: string | undefined;
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly unfinished: Pick<UnfinishedWork, 'add'>;
  /** Left out: this process keeps them. */
  readonly passSignals?: PassSignals;
}

export const passNone: PassSignals = () => ({ [Symbol.dispose]() {} });

export function createContext(options: ContextOptions): Context {
  const { streams, env, url, context, output, signal, unfinished } = options;
  const logins = createLoginStore({
    folder: () => toConfigFolder(env),
    warn: output.warn,
    unfinished,
  });
  const source = { env, url, context, store: logins, signal, onWait: output.warn };

  async function connectFrom(): Promise<Connection> {
    const settings = await readSettings(source);
    {
      using _spinner = output.spin('Renewing the login');
      await settings.token(); // now, so that a login that has ended is told before anything is asked or done
    }
    const { url, token } = settings;
    const { createClient } = await import('@ondemand/client'); // late, so that help and usage errors come at once
    return { ...settings, client: createClient({ url, token, fetch: fetchAnswer }) };
  }

  return {
    output,
    signal,
    env,
    passSignals: options.passSignals ?? passNone,
    // Node makes a stream of it when it is asked for first.
    get stdin() {
      return streams.stdin;
    },
    stdout: streams.stdout,
    connect: async () => (await connectFrom()).client,
    connectFrom,
    source,
    tokenOrigin: readTokenOrigin(source),
    sshUser: async () => (await readContext(source))?.login.sshUser,
    logins,
    get canConfirm() {
      return streams.stdin.isTTY === true && streams.stderr.isTTY === true;
    },
    async confirm(text) {
      const { confirm } = await import('./output/confirm.ts');
      await confirm({ text, streams, signal });
    },
  };
}
