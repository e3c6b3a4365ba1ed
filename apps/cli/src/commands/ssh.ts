// `ondemand ssh`: the VM's shell, by the user's own ssh; and what lets other programs go the same way.

import { usageError } from '../cli-error.ts';
import { defineCommand } from '../command-line/command.ts';
import { flag, textOption } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { endOfSsh, start } from '../remote/child.ts';
import { quote } from '../remote/quote.ts';
import { toHostEntry, writeHostEntry } from '../remote/ssh-config.ts';
import { connectStreams } from '../remote/ssh-proxy-command.ts';
import { sshOptions, withSession } from '../remote/wake-and-prepare-ssh.ts';

export const ssh = defineCommand({
  description: `Open a shell on the VM, or run COMMAND there, by your own ssh with your own key and agent.
The VM is woken first and kept on meanwhile. ssh trusts only the host key that the API accepted.
One COMMAND word is a line for the VM's shell; several reach the command exactly as they are.
It ends with the exit code of the command; 255 is ssh's own, where it could not connect.
--json changes nothing of what the command prints.

--config prints an entry for ~/.ssh/config, by which VS Code, rsync and docker -H ssh://oci-flex
wake the VM and trust its key too. --file writes it to a file of its own, for ssh -F.`,
  operands: { arity: 'any', label: '[-- COMMAND…]', from: [], isOpen: true, commandAt: 0 },
  options: {
    tty: flag('A terminal for COMMAND too, as ssh -t', 't'),
    ...sshOptions,
    config: flag("Print an entry for ssh's configuration"),
    file: textOption({
      placeholder: 'FILE',
      summary: 'With --config: write the entry to FILE and print its name',
    }),
    host: textOption(
      {
        placeholder: 'NAME',
        summary: 'With --config: what ssh shall know the VM by (default: oci-flex)',
      },
      parseHostName,
    ),
    proxy: flag("Connect stdin and stdout to the VM's sshd: the ProxyCommand of --config"),
  },
  examples: [
    'ondemand ssh',
    'ondemand ssh -- uptime',
    "ondemand ssh -- 'df -h | grep /srv'",
    'ondemand ssh -t -- sudo htop',
    'ondemand ssh --config >> ~/.ssh/config && docker -H ssh://oci-flex ps',
    'rsync -a -e "ssh -F $(ondemand ssh --config --file ~/.ssh/ondemand)" ./site oci-flex:/srv/',
  ],
  async run(context, { options, operands: command }) {
    const { tty, config, file, host, proxy } = options;
    if (!config && (file !== undefined || host !== undefined)) {
      throw usageError(`--${file === undefined ? 'host' : 'file'} goes with --config`);
    }
    if ((config || proxy) && command.length > 0) {
      throw usageError(`--${config ? 'config' : 'proxy'} takes no command`);
    }
    if (config) {
      const entry = await toHostEntry(context, { options, host });
      const path = file && (await writeHostEntry(file, entry));
      context.output.show(path ? { file: path } : { config: entry }, () =>
        path ? `${path}\n` : entry,
      );
      return exitCodes.done;
    }
    if (proxy) return connectStreams(context, options);
    const [line, ...more] = command;
    return withSession(context, { options, reason: 'ondemand ssh' }, (session) => {
      const argv = session.ssh({
        flags: tty ? ['-t'] : [],
        command: line === undefined || more.length === 0 ? line : quote(command),
      });
      return endOfSsh(start(argv, { stdio: 'inherit' }), context);
    });
  },
});

function parseHostName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(text)) return text;
  throw usageError(`needs a name of letters, digits, '.', '_' and '-', not '${text}'`);
}
