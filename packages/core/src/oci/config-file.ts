// OCI's configuration file is read by our own few lines: the SDK's reader prints to the console and puts file contents into its errors.

/** The profiles of an OCI configuration file. */
export interface OciConfigFile {
  readonly profiles: readonly string[];
  /** The profile's value, else the one of DEFAULT, as OCI's own tools do; an empty value counts as none. */
  get(profile: string, key: string): string | undefined;
}

const defaultProfile = 'DEFAULT';

/** Parses the file that `oci setup config` writes; what is neither a profile nor a `key=value` line is skipped. https://docs.oracle.com/iaas/Content/API/Concepts/sdkconfig.htm */
export function parseOciConfigFile(text: string): OciConfigFile {
  const profiles = new Map<string, Map<string, string>>();
  let current: Map<string, string> | undefined;

  for (const rawLine of text.replace(/^\uFEFF/, '').split('\n')) {
    const line = rawLine.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const profile = /^\[(.+)\]$/.exec(line)?.[1]?.trim();
    if (profile !== undefined) {
      current = profiles.get(profile) ?? new Map();
      profiles.set(profile, current);
      continue;
    }
    const [, key, value] = /^([^=:]+?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) current?.set(key.toLowerCase(), value);
  }

  return {
    profiles: [...profiles.keys()],
    get(profile, key) {
      const value = profiles.get(profile)?.get(key) ?? profiles.get(defaultProfile)?.get(key);
      return value === '' ? undefined : value;
    },
  };
}
