// The Prefer header: how long a caller wants to wait for a job's end, and whether that was applied. https://www.rfc-editor.org/rfc/rfc7240

export interface Preferences {
  /**
   * How many seconds to wait for a job's end; undefined for as long as the API waits by itself.
   * `input` is what the call's own input says: it wins over the header, which counts as applied where both say the same.
   */
  resolveWait(input?: WaitInput): number | undefined;
  /** For `Preference-Applied`; undefined until a preference was applied. */
  readonly applied: string | undefined;
}

export interface WaitInput {
  /** False: there is no early answer, so that only a time to wait counts. */
  readonly mayBeAsync?: boolean | undefined;
  readonly async?: boolean | undefined;
  readonly waitSeconds?: number | undefined;
}

export function createPreferences(header: string | string[] = ''): Preferences {
  const { wait, respondAsync } = header === '' ? none : parsePrefer([header].flat().join(','));
  let applied: string | undefined;
  return {
    get applied() {
      return applied;
    },
    resolveWait({ async, waitSeconds, mayBeAsync = true } = {}) {
      const isAsync = respondAsync && mayBeAsync;
      const wanted = wait ?? (isAsync ? 0 : undefined);
      const given = waitSeconds ?? (async === true ? 0 : undefined);
      const seconds = given ?? (async === false ? undefined : wanted);
      if (wanted !== undefined && seconds === wanted)
        applied = [isAsync && 'respond-async', wait !== undefined && `wait=${wait}`]
          .filter((each) => each !== false)
          .join(', ');
      return seconds;
    },
  };
}

const none = { wait: undefined, respondAsync: false };

/** What is malformed or not known is passed over, and of a preference that comes twice the first one counts. */
function parsePrefer(header: string): { wait: number | undefined; respondAsync: boolean } {
  let wait: number | undefined;
  let respondAsync = false;
  const seen = new Set<string>();
  for (const preference of splitOutsideQuotes(header)) {
    const [, token = '', , value] =
      /^\s*([!#$%&'*+.^_`|~\w-]+)\s*(=\s*("[^"]*"|[^\s;"]*)\s*)?(?:;.*)?$/s.exec(preference) ?? [];
    const name = token.toLowerCase();
    if (name === '' || seen.has(name)) continue;
    seen.add(name);
    if (name === 'respond-async') respondAsync = true;
    const seconds = value?.replace(/^"(.*)"$/s, '$1');
    if (name === 'wait' && seconds !== undefined && /^\d{1,9}$/.test(seconds))
      wait = Number(seconds);
  }
  return { wait, respondAsync };
}

function splitOutsideQuotes(header: string): string[] {
  return header.match(/(?:"(?:\\.|[^"\\])*"|[^,"]|")+/g) ?? [];
}
