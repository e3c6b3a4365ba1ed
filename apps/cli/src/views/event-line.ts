// An event as one line for people.

import type { OnDemandEvent } from '@ondemand/client';
import { toJson } from '../output/json.ts';
import { formatLocal, formatLocalStamp } from '../output/local-time.ts';
import { toOneLine } from '../output/printable.ts';
import type { Style, TextStyle } from '../output/style.ts';
import { toJobStyle } from './job-facts.ts';
import { toStateStyle } from './vm-facts.ts';

/** `2026-02-08T11:15:30+01:00   container   nginx die (exit code 137)`, with its newline; times are by the reader's clock. */
export function toEventLine(event: OnDemandEvent, style: Style): string {
  const { what, textStyle } = describe(event);
  const text = toOneLine(what);
  const time = style('dim', toOneLine(formatLocalStamp(event.time)).padEnd(25));
  const type = toOneLine(event.type).padEnd(9);
  return `${time}   ${type}   ${textStyle === undefined ? text : style(textStyle, text)}\n`;
}

interface Description {
  readonly what: string;
  readonly textStyle?: TextStyle | undefined;
}

function describe(event: OnDemandEvent): Description {
  switch (event.type) {
    case 'vm':
      return {
        what: `${event.lifecycleState}${event.previous === null ? '' : ` (was ${event.previous})`}`,
        textStyle: toStateStyle(event.lifecycleState),
      };
    case 'container':
      return describeContainer(event);
    case 'job':
      return {
        what: `${event.kind} ${event.target} ${event.state} (${event.id})`,
        textStyle: toJobStyle(event.state),
      };
    case 'idle':
      return { what: describeIdle(event), textStyle: 'yellow' };
    case 'resync':
      return { what: event.reason, textStyle: 'yellow' };
    default:
      return { what: toJson(event, { indent: false }) }; // of an API that is newer than this command
  }
}

function describeIdle({
  stage,
  stopsAt,
  because,
  dryRun,
}: Extract<OnDemandEvent, { type: 'idle' }>): string {
  const why = because === null ? '' : ` (${because})`;
  const dry = dryRun ? ', a dry run' : '';
  return `${stage}${stopsAt === null ? '' : `: the VM stops at ${formatLocal(stopsAt)}`}${why}${dry}`;
}

function describeContainer({
  name,
  action,
  exitCode,
  health,
}: Extract<OnDemandEvent, { type: 'container' }>): Description {
  const note = health ?? (exitCode === undefined ? undefined : `exit code ${exitCode}`);
  const isBad = action === 'oom' || health === 'unhealthy' || (exitCode ?? 0) !== 0;
  const isGood = action === 'start' || action === 'unpause' || health === 'healthy';
  return {
    what: `${name} ${action}${note === undefined ? '' : ` (${note})`}`,
    textStyle: isBad ? 'red' : isGood ? 'green' : undefined,
  };
}
