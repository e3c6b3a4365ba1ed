// What every command on the VM stands on: the VM is awake and kept so, and ssh trusts what the API trusts.

import { resolve } from 'node:path';
import type { ContainerInspection, OnDemandClient, VmAddress } from '@ondemand/client';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import type { Values } from '../command-line/command.ts';
import { flag, listOption, textOption, timeoutOption } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { toFailure } from '../to-failure.ts';
import { findCommand, sshFailed } from './child.ts';
import { explainRefusal } from './explain-ssh-failure.ts';
import { toKnownHosts, writeKnownHosts } from './known-hosts.ts';
import { holdLease } from './lease.ts';
import { toSshArguments } from './ssh-arguments.ts';
import { askAwake } from './wake-if-needed.ts';

/** Options of every command that uses the user's ssh. */
export const sshOptions = {
  user: textOption({
    short: 'l',
    placeholder: 'NAME',
    summary: "The user on the VM (default: the context's, else what ssh takes)",
  }),
  identity: listOption({
    short: 'i',
    placeholder: 'FILE',
    summary: 'A key for it, as of ssh -i',
  }),
  option: listOption({
    short: 'o',
    placeholder: 'SETTING',
    summary: 'A setting of ssh, as of ssh -o; may be repeated',
  }),
  'no-wake': flag('Fail where the VM is off, instead of waking it'),
  timeout: timeoutOption('How long to wait for the VM at most'),
} as const;

export type SshOptions = Values<typeof sshOptions>;

export interface Session<Container> {
  readonly address: VmAddress;
  /** As the API has it; undefined where none was named. */
  readonly container: Container;
  /** `ssh` and its arguments. */
  ssh(call: {
    readonly flags?: readonly string[];
    readonly settings?: readonly string[];
    readonly command?: string | undefined;
  }): readonly [string, ...string[]];
}

export interface SessionOptions {
  readonly options: Pick<SshOptions, 'user' | 'identity' | 'option' | 'no-wake' | 'timeout'>;
  /** What the lease is for. */
  readonly reason: string;
}

/** Runs `work` on the VM; its exit code is the session's. Throws what the API answers, and `CliError` where there is no ssh. */
export async function withSession(
  context: Context,
  options: SessionOptions,
  work: (session: Session<undefined>) => Promise<number>,
): Promise<number> {
  return open(context, options, { find: async () => undefined, work });
}

/** The same for a container, which the API must know. */
export async function withContainer(
  context: Context,
  { name, ...options }: SessionOptions & { readonly name: string },
  work: (session: Session<ContainerInspection>) => Promise<number>,
): Promise<number> {
  const { signal } = context;
  return open(context, options, {
    find: (client) => client.containers.inspect.query({ name }, { signal }),
    work,
  });
}

async function open<Container>(
  context: Context,
  { options, reason }: SessionOptions,
  {
    find,
    work,
  }: {
    readonly find: (client: OnDemandClient) => Promise<Container>;
    readonly work: (session: Session<Container>) => Promise<number>;
  },
): Promise<number> {
  const { signal } = context;
  await requireSsh(context);
  const client = await context.connect();
  const awake = { client, wakes: !options['no-wake'], timeoutMs: options.timeout };
  const [address, container] = await askAwake(context, awake, () =>
    Promise.all([client.vm.address.query(undefined, { signal }), find(client)]),
  );
  toKnownHosts(address); // before anything is begun
  await using _lease = await keepAwake(context, { client, reason });
  await using knownHosts = await writeKnownHosts(address);
  const user = options.user ?? (await context.sshUser());
  const exitCode = await work({
    address,
    container,
    ssh: ({ settings = [], ...call }) => [
      'ssh',
      ...toSshArguments({
        ...{ address, user, knownHostsFile: knownHosts.path, ...call },
        identities: options.identity.map((file) => resolve(file)),
        options: [...options.option, ...settings],
      }),
    ],
  });
  if (exitCode === sshFailed) await explainRefusal(context, { client, address });
  return exitCode;
}

/** A lease beside a command: one that cannot be had or renewed is a warning, and stops nothing. */
export function keepAwake(
  { output, signal }: Pick<Context, 'output' | 'signal'>,
  { client, reason }: { readonly client: OnDemandClient; readonly reason: string },
): Promise<AsyncDisposable> {
  return holdLease({
    ...{ client, reason, signal, isRequired: false },
    onFailure: (error) => void warnOfLease(output, error),
  });
}

/** A terminal that ssh has set to raw begins no line by itself. */
export async function warnOfLease(output: Context['output'], error: unknown): Promise<void> {
  const { message } = await toFailure(error);
  if (output.isErrorTerminal) output.tell('\r');
  output.warn(
    `No lease keeps oci-flex on for this now (${message}); it is tried again, and the VM may be stopped meanwhile`,
  );
  if (output.isErrorTerminal) output.tell('\r');
}

async function requireSsh({ env }: Pick<Context, 'env'>): Promise<void> {
  if ((await findCommand('ssh', env)) === 'found') return;
  throw new CliError(
    exitCodes.failed,
    'There is no ssh in PATH; install the OpenSSH client (Debian: apt-get install openssh-client)',
  );
}
