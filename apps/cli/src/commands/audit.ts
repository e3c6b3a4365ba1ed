// `ondemand audit`: who changed what.

import { defineCommand } from '../command-line/command.ts';
import { parseCount } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { toAuditTable } from '../views/audit-table.ts';

export const audit = defineCommand({
  description: `Show who changed what through the API, or tried to, the newest first; it needs the scope admin.
Each change has a line when it begins (intent) and one that says how it went, with one request id.`,
  options: {
    lines: {
      kind: 'value',
      short: 'n',
      placeholder: 'NUMBER',
      summary: 'How many of the newest lines (default: 100)',
      fallback: undefined as number | undefined,
      parse: (text: string): number | undefined => parseCount(text, { min: 1, max: 999_999_999 }),
    },
  },
  examples: [
    'ondemand audit -n 20',
    'ondemand audit --json | jq -r \'.[] | select(.outcome == "refused") | .sub\'',
  ],
  async run({ connect, output, signal }, { options: { lines: limit } }) {
    const client = await connect();
    using _spinner = output.spin('Reading the audit');
    const entries = await client.audit.list.query(limit === undefined ? {} : { limit }, { signal });
    output.show(entries, () => toAuditTable(entries, output.style, output.columns()));
    return exitCodes.done;
  },
});
