// `ondemand whoami`: what the API makes of the token.

import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { toFacts } from '../output/table.ts';

export const whoami = defineCommand({
  description: 'Show who the token speaks for, what it allows and when it expires.',
  options: {},
  examples: ['ondemand whoami', "ondemand whoami --json | jq -r '.expiresAt'"],
  async run({ connect, output, signal }) {
    const client = await connect();
    using _spinner = output.spin('Asking who the token is');
    const caller = await client.whoami.query(undefined, { signal });
    output.show(caller, ({ sub, clientId, scopes, expiresAt }) =>
      toFacts(
        [
          ['Subject', sub, 'bold'],
          ['Client', clientId],
          ['Scopes', scopes.join(', ') || 'none'],
          ['Expires', expiresAt],
        ],
        output.style,
      ),
    );
    return exitCodes.done;
  },
});
