// What `/wake/{name}?to=URL` is about, and where it may lead on to.

export interface WakeTarget {
  readonly name: string;
  readonly to: string | undefined;
}

/** Undefined where the page's address is no such one. */
export function readWakeTarget(
  { pathname, search }: Pick<Location, 'pathname' | 'search'>,
  basePath: string,
): WakeTarget | undefined {
  const prefix = `${basePath}/wake/`;
  if (!pathname.startsWith(prefix)) return undefined;
  return {
    name: decodeURIComponent(pathname.slice(prefix.length)),
    to: new URLSearchParams(search).get('to') ?? undefined,
  };
}

export interface Destination {
  readonly url?: string;
  readonly problem?: string;
}

/** Anybody can make a link, so it leads only where the operator allows. */
export function toDestination(
  to: string | undefined,
  returnOrigins: readonly string[],
): Destination {
  if (to === undefined) return {};
  const url = URL.canParse(to) ? new URL(to) : undefined;
  if (url !== undefined && returnOrigins.includes(url.origin)) return { url: url.href };
  return {
    problem: `It does not lead on to ${url?.origin ?? 'what is no URL'}: that is not among RETURN_ORIGINS of the API`,
  };
}
