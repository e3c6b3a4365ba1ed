// `ondemand events`: what happens to the VM, its containers, its jobs and its idle stop, as it happens.

import type { OnDemandEvent } from '@ondemand/client';
import { usageError } from '../cli-error.ts';
import { defineCommand } from '../command-line/command.ts';
import { toEventLine } from '../views/event-line.ts';
import { follow } from '../watch/follow.ts';

/** Exhaustive by type: one that the API adds does not compile without its place here. */
const types = Object.keys({
  vm: true,
  container: true,
  job: true,
  idle: true,
} satisfies Record<Exclude<OnDemandEvent['type'], 'resync'>, true>);

export const events = defineCommand({
  description: `Print what happens to the VM, its containers, its jobs and its idle stop from now on, until Ctrl-C.
"resync" says that events before it may be missing; it comes whatever --type says.
With --json one document a line.`,
  options: {
    type: {
      kind: 'value',
      placeholder: 'TYPES',
      summary: `Only these, with commas between: ${types.join(', ')}`,
      fallback: types,
      parse: parseTypes,
    },
  },
  examples: [
    'ondemand events',
    'ondemand events --type vm,job',
    'ondemand events --json | jq -r --unbuffered \'select(.action == "die") | .name\'',
  ],
  async run(context, { options: { type: wanted } }) {
    const client = await context.connect();
    return follow(context, {
      doing: 'Waiting for the watch to be on',
      subscribe: (how) => select(client.events.subscribe(undefined, how), wanted),
      toText: (event) => toEventLine(event, context.output.style),
    });
  },
});

function parseTypes(text: string): readonly string[] {
  const given = text.split(',').map((type) => type.trim());
  const wrong = given.find((type) => !types.includes(type));
  if (wrong === undefined) return given;
  throw usageError(`needs one or more of ${types.join(', ')}, not '${wrong}'`);
}

/** Leaves out the known types that are not wanted: an event of another kind is not for this filter to hide. */
async function* select(
  all: AsyncIterable<OnDemandEvent>,
  wanted: readonly string[],
): AsyncGenerator<OnDemandEvent, void> {
  const unwanted = types.filter((type) => !wanted.includes(type));
  for await (const event of all) if (!unwanted.includes(event.type)) yield event;
}
