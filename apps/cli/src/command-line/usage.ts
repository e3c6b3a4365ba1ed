// The two closing hints of usage errors.

export function didYouMean(near: string | undefined): string {
  return near === undefined ? '' : `, did you mean '${near}'?`;
}

export function seeHelp(path: readonly string[]): string {
  return `see ${['ondemand', ...path, '--help'].join(' ')}`;
}
