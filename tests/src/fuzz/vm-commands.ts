// A command line that reached the VM's sshd, taken apart as its shell would: which script of ours it runs, with which values.

import { probeScript } from '../../../packages/core/dist/docker/compose/probe-project-paths.js';
import {
  inFolderScript,
  rebuildScript,
} from '../../../packages/core/dist/docker/compose/rebuild-commands.js';
import { probeScript as socketScript } from '../../../packages/core/dist/docker/engine/socket-probe.js';
import * as use from '../../../packages/core/dist/idle-on-vm/observation-script.js';
import * as leases from '../../../packages/core/dist/idle-on-vm/scripts.js';
import { factsScript } from '../../../packages/core/dist/jobs-on-vm/required-software.js';
import * as jobs from '../../../packages/core/dist/jobs-on-vm/scripts.js';

export type CommandKind = (typeof kinds)[number][0] | 'compose version' | 'log in' | 'kill';

export interface VmCommand {
  /** Undefined for whatever is none of ours. */
  readonly kind: CommandKind | undefined;
  readonly values: readonly string[];
}

const kinds = [
  ['observe', use.observationScript],
  ['register', use.registerScript],
  ['unregister', use.unregisterScript],
  ['note use', use.noteScript],
  ['announce', use.announceScript],
  ['claim stop', use.claimScript],
  ['take lease', leases.takeLeaseScript],
  ['end lease', leases.endLeaseScript],
  ['list leases', leases.listLeasesScript],
  ['list jobs', jobs.listScript],
  ['read job', jobs.readScript],
  ['start job', jobs.startScript],
  ['find job', jobs.findScript],
  ['cancel job', jobs.cancelScript],
  ['read key', jobs.keyScript],
  ['facts', factsScript],
  ['probe socket', socketScript],
  ['probe paths', probeScript],
  ['compose config', inFolderScript],
  ['compose build', rebuildScript],
] as const;

const kindOf = new Map<string, CommandKind>(kinds.map(([kind, script]) => [script, kind]));

/** Nothing of a value may stand outside its quotes. */
const form = /^exec sh -c '[^']*' ondemand (?<words>'[pe][ -&(-~]*'(?: '[pe][ -&(-~]*')*)$/;
const killForm =
  /^exec sh -c '(?:\{ kill -s \w+ -- -\d+ \|\| kill -s \w+ \d+; \} 2>\/dev\/null(?:; sleep \d+; )?){2}'$/;

export function parseCommand(line: string): VmCommand {
  if (line === 'true') return { kind: 'log in', values: [] }; // whether the account may run anything
  if (killForm.test(line)) return { kind: 'kill', values: [] };
  const words = form.exec(line)?.groups?.words;
  if (words === undefined) return { kind: undefined, values: [] };
  const [, ...argv] = [...words.matchAll(/'([pe])([^']*)'/g)].map(([, how, text = '']) =>
    how === 'e' ? decode(text) : text,
  );
  while (argv[0] === 'env' || /^\w+=/.test(argv[0] ?? '')) argv.shift();
  const [shell, option, script = '', name = '', ...values] = argv;
  if (shell === 'sh' && option === '-c' && name.startsWith('ondemand'))
    return { kind: kindOf.get(script), values };
  const isVersion = /^docker(?: compose|-compose) version$/.test(argv.join(' '));
  return { kind: isVersion ? 'compose version' : undefined, values: [] };
}

/** As `printf %b` does. */
function decode(text: string): string {
  const bytes = text.replaceAll(/\\(?:0([0-7]{1,3})|n)/g, (_, octal?: string) =>
    octal === undefined ? '\n' : String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString();
}
