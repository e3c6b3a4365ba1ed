// Hides the values of a container's environment in all that is shown of it, within bounds that no environment and no label can break.

import { createTimeSlice } from '../concurrency/time-slice.ts';
import { createHiding } from '../model/redaction.ts';
import { environmentSecrets } from './encodings-of-secrets.ts';
import type { ContainerDetails } from './engine/schemas.ts';
import { toName } from './format/to-container.ts';

/** Each gives the text as it may be shown; a text past the bounds is cut, or not shown at all. */
export interface EnvironmentHiding {
  hide(text: string | null | undefined): Promise<string>;
  /** For a text that was cut off at its end. */
  hideCut(text: string): Promise<string>;
  hideAll(texts: readonly string[] | null | undefined): Promise<string[]>;
}

/** Longer texts end in `…`. */
const maxTextLength = 64 * 1024;
/** Of all texts of a container together; what comes after is not shown. */
const maxTotalLength = 2 * 1024 * 1024;
/** Of an environment; with a bigger one nothing is shown, since its repetitions cannot be found. */
const maxEnvironmentLength = 1024 * 1024;

/** Builds the hiding; takes the process no longer than some milliseconds at a time. */
export async function createEnvironmentHiding(
  details: ContainerDetails,
): Promise<EnvironmentHiding> {
  const giveWay = createTimeSlice();
  const hiding = createHiding();
  const env = details.Config?.Env ?? [];
  let left = lengthOf(env) > maxEnvironmentLength ? 0 : maxTotalLength;
  if (left > 0) for await (const words of secretsOf(details)) hiding.add(words);

  const hide = async (text: string, isCut = false) => {
    await giveWay();
    if (text === '') return '';
    if (text.length > left) return '***';
    left -= Math.min(text.length, maxTextLength);
    if (text.length > maxTextLength) return `${hiding.hideCut(text.slice(0, maxTextLength))}…`;
    return isCut ? hiding.hideCut(text) : hiding.hide(text);
  };
  return {
    hide: (text) => hide(text ?? ''),
    hideCut: (text) => hide(text, true),
    async hideAll(texts) {
      const hidden: string[] = [];
      for (const text of texts ?? []) hidden.push(await hide(text));
      return hidden;
    },
  };
}

/** The words that must not be shown of it. */
export async function readSecretWords(details: ContainerDetails): Promise<readonly string[]> {
  const all = new Set<string>();
  for await (const words of secretsOf(details)) for (const word of words) all.add(word);
  return [...all].sort((a, b) => b.length - a.length);
}

async function* secretsOf(details: ContainerDetails): AsyncGenerator<readonly string[]> {
  const giveWay = createTimeSlice();
  const facts = toPublicFacts(details);
  for (const entry of details.Config?.Env ?? []) {
    yield environmentSecrets([entry], facts);
    await giveWay();
  }
}

function toPublicFacts({
  Id,
  Name,
  Config,
  Mounts,
  HostConfig,
  NetworkSettings,
}: ContainerDetails) {
  const labels = Config?.Labels ?? {};
  const mounts = (Mounts ?? []).flatMap((mount) => [mount.Source, mount.Destination]);
  const names = [
    toName([Name ?? ''], Id),
    Config?.Image,
    ...(Config?.User ?? '').split(':'),
    labels['com.docker.compose.project'],
    labels['com.docker.compose.service'],
    ...Object.keys(NetworkSettings?.Networks ?? {}),
  ];
  return {
    paths: [...mounts, ...Object.keys(HostConfig?.Tmpfs ?? {})].filter(isText),
    names: names.filter(isText),
  };
}

function isText(value: string | null | undefined): value is string {
  return typeof value === 'string' && value !== '';
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}
