// The environment variables that the CLI reads, and what they do; help and the man page have them from here.

export interface Variable {
  readonly name: string;
  readonly summary: string;
}

export const variables: readonly Variable[] = [
  {
    name: 'ONDEMAND_CONTEXT',
    summary: 'The context to use, with its own URL and login; wins over these two',
  },
  {
    name: 'ONDEMAND_URL',
    summary: 'Where the API is (default: the current context, or 127.0.0.1:5000)',
  },
  {
    name: 'ONDEMAND_TOKEN',
    summary: 'The access token, instead of a login; others could read it in a flag',
  },
  {
    name: 'XDG_CONFIG_HOME',
    summary: 'Contexts are kept in its folder ondemand (default: ~/.config)',
  },
  {
    name: 'XDG_CACHE_HOME',
    summary: 'Compiled code is kept in its folder ondemand (default: ~/.cache)',
  },
  { name: 'NODE_DISABLE_COMPILE_CACHE', summary: '1: compiled code is not kept' },
  {
    name: 'NODE_EXTRA_CA_CERTS',
    summary: 'A file of certificate authorities to trust as well',
  },
  { name: 'NO_COLOR', summary: 'Set: no colours' },
  { name: 'FORCE_COLOR', summary: 'Set, and not 0 or false: colours, also where no terminal is' },
  { name: 'TERM', summary: 'dumb: no colours, and nothing is painted over' },
  { name: 'TZ', summary: 'The zone of the times for people; --json has them in UTC' },
  { name: 'DISPLAY', summary: 'Set, or WAYLAND_DISPLAY: ondemand open starts a browser' },
];
