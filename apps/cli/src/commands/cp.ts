// `ondemand cp`: files out of and into a container, by docker cp over the user's own ssh.

import { defineCommand } from '../command-line/command.ts';
import { flag } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { sshFailed } from '../remote/child.ts';
import { parseCopy } from '../remote/copy-paths.ts';
import { download } from '../remote/download.ts';
import { quote } from '../remote/quote.ts';
import { plainSession } from '../remote/ssh-arguments.ts';
import { upload } from '../remote/upload.ts';
import { sshOptions, withContainer } from '../remote/wake-and-prepare-ssh.ts';

export const cp = defineCommand({
  description: `Copy a file or folder out of a container or into one, by docker cp over your own ssh.
Its rules hold: into a folder that is there, else under the name that is given; FOLDER/. is what is
in it; - is a tar archive. What comes into a container belongs to its root, what comes from there
to you; permissions and times are kept.
The VM is woken first and kept on meanwhile; the container need not run.
--json changes nothing: there is no result but the files.`,
  operands: { arity: 'two', label: 'NAME:PATH PATH | PATH NAME:PATH', from: 'files' },
  options: {
    'follow-link': flag('Copy what a link leads to, instead of the link', 'L'),
    archive: flag('Keep the owners, by their numbers', 'a'),
    ...sshOptions,
  },
  examples: [
    'ondemand cp web:/etc/nginx/nginx.conf .',
    'ondemand cp ./site/. web:/www',
    'ondemand cp db:/var/lib/data - | gzip > data.tar.gz',
  ],
  async run(context, { options, operands: [source, destination] }) {
    const copy = parseCopy(source, destination);
    const name = copy.container;
    const session = { options, reason: `ondemand cp ${name}`, name };
    const exitCode = await withContainer(context, session, ({ container, ssh }) => {
      const run = {
        copy: { ...copy, container: container.name },
        ssh: (command: readonly string[]) =>
          ssh({ settings: plainSession, flags: ['-T'], command: quote(command) }),
        followsLink: options['follow-link'],
        keepsOwner: options.archive,
      };
      return copy.direction === 'download' ? download(context, run) : upload(context, run);
    });
    return exitCode === sshFailed ? exitCodes.unavailable : exitCode;
  },
});
