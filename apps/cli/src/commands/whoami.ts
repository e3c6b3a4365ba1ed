// `ondemand whoami`: who the API says the token belongs to.

import { defineCommand } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatLocal } from '../output/local-time.ts';
import { toFacts } from '../output/table.ts';
import { formatTimeLeft } from '../output/time-left.ts';

export const whoami = defineCommand({
  description:
    'Show who the token speaks for, what it allows, when it expires, where it is from and its context.',
  options: {},
  examples: ['ondemand whoami', "ondemand whoami --json | jq -r '.expiresAt'"],
  async run({ connectFrom, output, signal }) {
    const { client, url, context, tokenFrom } = await connectFrom();
    using _spinner = output.spin('Asking who the token is');
    const caller = await client.whoami.query(undefined, { signal });
    output.show(caller, ({ sub, clientId, scopes, expiresAt }) =>
      toFacts(
        [
          ['Subject', sub, 'bold'],
          ['Client', clientId],
          ['Scopes', scopes.join(', ') || 'none'],
          [
            'Expires',
            `${formatTimeLeft(Date.parse(expiresAt) - Date.now())} (${formatLocal(expiresAt)})`,
          ],
          tokenFrom === 'ONDEMAND_TOKEN' || context === undefined
            ? undefined
            : ['Context', context.name],
          ['Token', `from ${tokenFrom === 'ONDEMAND_TOKEN' ? tokenFrom : 'ondemand login'}`],
          ['API', url],
        ],
        output.style,
        output.columns(),
      ),
    );
    return exitCodes.done;
  },
});
