// Which Compose the VM has: the plugin `docker compose`, or the older `docker-compose`.

import type { CallOptions, Shell } from '../../adapter-ports.ts';
import { AppError } from '../../app-error.ts';
import { vmId } from '../../model/vm.ts';
import type { Channels } from '../../ssh/channel/channels.ts';
import type { ComposeTarget } from './labels.ts';
import { runBeforeStart } from './probe-project-paths.ts';

export interface ComposeFinderOptions {
  readonly shell: Shell;
  /** What the VM has is remembered for one connection. */
  readonly channels: Pick<Channels, 'generation'>;
  /** Given: no other is looked for. */
  readonly composeCommand?: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** Resolves with the command and its first argument. Throws `SERVICE_UNAVAILABLE` where there is none. */
export type FindComposeCommand = (
  request: { readonly madeBy: ComposeTarget['madeBy'] } & CallOptions,
) => Promise<readonly string[]>;

export function createComposeFinder({
  shell,
  channels,
  composeCommand,
  env = {},
}: ComposeFinderOptions): FindComposeCommand {
  const configured = composeCommand?.trim().split(/\s+/);
  let found = { generation: channels.generation, commands: new Map<string, boolean>() };

  return async ({ madeBy, signal }) => {
    if (configured !== undefined) return configured;
    const commands = [['docker', 'compose'], ['docker-compose']];
    for (const command of madeBy === 'v1' ? commands.reverse() : commands) {
      if (await hasCommand(command, signal)) return command;
    }
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      `${vmId} has neither "docker compose" nor "docker-compose"; install Docker Compose on the VM, or set COMPOSE_COMMAND`,
      { text: 'Missing software on the VM', details: { reason: 'COMMAND_NOT_FOUND' } },
    );
  };

  async function hasCommand(
    command: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { generation } = channels;
    if (found.generation !== generation) found = { generation, commands: new Map() };
    const { commands } = found;
    const key = command.join(' ');
    const known = commands.get(key);
    if (known !== undefined) return known;
    const { exitCode } = await runBeforeStart(shell, [...command, 'version'], { env, signal });
    commands.set(key, exitCode === 0);
    return exitCode === 0;
  }
}

/** What a rebuild would be run with, found anew and tried also where it is configured. Throws `SERVICE_UNAVAILABLE`. */
export function createComposeCheck({
  shell,
  composeCommand,
}: Omit<ComposeFinderOptions, 'channels'>) {
  return async ({ signal }: CallOptions): Promise<string> => {
    if (composeCommand === undefined) {
      const find = createComposeFinder({ shell, channels: { generation: 0 } });
      return (await find({ madeBy: 'v2', signal })).join(' ');
    }
    const argv = [...composeCommand.trim().split(/\s+/), 'version'];
    const { exitCode } = await runBeforeStart(shell, argv, { signal });
    if (exitCode === 0) return composeCommand;
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      `COMPOSE_COMMAND is '${composeCommand}', which ${vmId} cannot run (exit code ${exitCode}); install it on the VM, or leave COMPOSE_COMMAND out to take what is there`,
      { text: 'Missing software on the VM', details: { reason: 'COMMAND_NOT_FOUND' } },
    );
  };
}
