// Which values of an environment may be secrets: hiding the others would destroy an answer and protect nothing.

export interface PublicFacts {
  /** Mounts of the container: paths that are shown anyway. */
  readonly paths?: readonly string[];
  /** Of the user, the project, the service, the networks, the image: shown anyway. */
  readonly names?: readonly string[];
}

/** Whether the value of a variable may be a secret, by its form, its variable's name and what is public of its container. */
export function mayBeSecret(
  name: string,
  value: string,
  { paths = [], names = [] }: PublicFacts = {},
): boolean {
  const bare = value.trim();
  const isPath = systemPaths.test(bare) || isPublicPath(bare, paths);
  if (passwordNames.test(name)) return !isPath && !switches.test(bare);
  if (isPath || !isTelling(value)) return false;
  if (secretNames.test(name) && !locationNames.test(name)) return true;
  return !plainNames.test(name) && !releases.test(value) && !names.includes(bare);
}

/** False for what is no secret whatever its variable is called: booleans, numbers of up to five digits, versions, words of less than six letters, paths of the system, and values of half the world's environments. */
export function isTelling(value: string): boolean {
  const bare = value.trim().replace(/^(["'])(.*)\1$/s, '$2');
  return (
    bare !== '' &&
    !shortForms.test(bare) &&
    !versions.test(bare) &&
    !systemPaths.test(bare) &&
    !plainWords.has(bare.toLowerCase())
  );
}

/** Letters alone; digits, maybe with a unit; no letter or digit at all. */
const shortForms =
  /^(?:[A-Za-z]{1,5}|[-+]?\d{1,5}(?:\.\d{1,5})?\s?(?:ms|[smhdkb]|[kmgt]b|[KMGT]i?B?|%)?|[^\p{L}\p{N}]{1,5})$/u;
const versions = /^v?\d{1,5}(?:\.\d{1,9}){1,4}$/;
const releases = /^v?\d{1,5}(?:\.\d{1,9}){1,4}[-+~][\w.+~-]{1,24}$/;
const systemPaths =
  /^\/(?:app|bin|data|dev|etc|home|lib|mnt|opt|root|run|sbin|srv|tmp|usr|var)(?:[/:][\w./:-]*)?$/;
const plainWords = new Set(
  `default development enabled disabled localhost production staging testing
   127.0.0.1 0.0.0.0 utf-8 c.utf-8 en_us.utf-8 amd64 arm64 x86_64 aarch64
  noninteractive required optional warning verbose console stdout stderr`.split(/\s+/),
);

/** Their values are secrets however short and common they are. */
const passwordNames =
  /(?:PASS|PASSWD|PASSWORD|PASSPHRASE|PWD|SECRET|TOKEN|CREDENTIALS?|(?:^|_)PIN)\d?$(?<!^(?:OLD)?PWD)/i;
/** No password: what turns one on or off, and what is too short to be looked for. */
const switches = /^(?:.?|true|false|yes|no|on|off|none|null)$/is;
const secretNames =
  /PASS|PWD|SECRET|TOKEN|KEY|CREDENTIAL|AUTH|SALT|PRIVATE|SIGN|CERT|(?:^|_)PIN(?:_|$)/i;
const locationNames = /_(?:FILE|PATH|DIR|USER|USERNAME)$/i;
/** Those whose values are names of users and projects, versions, and what every image sets. */
const plainNames =
  /(?:^|_)(?:USER|USERNAME|PROJECT|PROJECT_NAME|DB|DATABASE|DB_NAME|DBNAME|VERSION)$|^(?:PATH|HOME|LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|SHELL|PWD|HOSTNAME|DEBIAN_FRONTEND)$/i;

/** A path that is mounted, that is under a mount, or that a mount is under. */
function isPublicPath(value: string, paths: readonly string[]): boolean {
  if (!/^\/[\w./@:+ -]*$/.test(value)) return false;
  const isUnder = (inner: string, outer: string) =>
    inner === outer || inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`);
  return paths.some(
    (path) => path !== '' && path !== '/' && (isUnder(value, path) || isUnder(path, value)),
  );
}
