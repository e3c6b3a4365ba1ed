// The pages of help that are about no command: `ondemand help environment`.

import { variables } from '../environment.ts';
import { exitCodeMeanings, exitCodes } from '../exit-codes.ts';

export interface HelpTopic {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** Term and meaning. */
  readonly rows: readonly (readonly [string, string])[];
  readonly examples: readonly string[];
}

export const environment: HelpTopic = {
  name: 'environment',
  summary: 'The environment variables',
  description: `The variables that ondemand reads. A flag wins over its variable, and an empty variable counts as
none. A context that was named, by --context or ONDEMAND_CONTEXT, is called with its own login: the
URL and the token of the environment may be another API's.`,
  rows: variables.map(({ name, summary }) => [name, summary]),
  examples: ['ONDEMAND_CONTEXT=work ondemand ps', 'TZ=UTC ondemand events'],
};

export const exitStatus: HelpTopic = {
  name: 'exit-codes',
  summary: 'What the exit codes mean',
  description: `What a number means never changes. Of several names the first failure counts. The commands ssh, exec
and run end with the exit code of the command that they ran.`,
  rows: Object.entries(exitCodes).map(([name, code]) => [
    String(code),
    exitCodeMeanings[name as keyof typeof exitCodes], // Object.entries forgets the keys' type
  ]),
  examples: ['ondemand wake --timeout 5m || echo "not ready: $?"'],
};

export const formatting: HelpTopic = {
  name: 'formatting',
  summary: 'What is printed where, --json, times and colours',
  description:
    'Results go to stdout, everything else to stderr. In a terminal JSON is indented, and tables are cut\nto its width.',
  rows: [
    ['--json', "The API's own JSON, one document; a line each of what has several or no end"],
    [
      'errors',
      'One line on stderr; with --json the ApiError: {"error","code","message","details"}',
    ],
    ['times', "By the reader's clock and calendar; with --json in UTC, ISO 8601"],
    ['colours', 'In a terminal, unless NO_COLOR is set; FORCE_COLOR has them elsewhere too'],
    ['-q', 'Of ps: names only, one a line, for $(ondemand ps -q)'],
  ],
  examples: [
    'ondemand ps --json | jq -r \'.[] | select(.state == "exited") | .name\'',
    'ondemand events --json | jq -r --unbuffered .type',
    'ondemand start nginx --json 2>&1 >/dev/null | jq -r .code',
  ],
};

export const helpTopics: readonly HelpTopic[] = [environment, exitStatus, formatting];
