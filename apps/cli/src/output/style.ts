// Colours and weights, where the reader can see them.

import { styleText } from 'node:util';

export type TextStyle = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan';

/** Paints text, or leaves it as it is where there are no colours. */
export type Style = (textStyle: TextStyle, text: string) => string;

export interface ColourEnvironment {
  readonly NO_COLOR?: string | undefined;
  readonly FORCE_COLOR?: string | undefined;
  readonly TERM?: string | undefined;
}

/** https://no-color.org wins, then https://force-color.org, then whether the stream is a terminal. */
export function wantsColours(isTty: boolean, env: ColourEnvironment): boolean {
  if (isSet(env.NO_COLOR)) return false;
  if (isSet(env.FORCE_COLOR)) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return isTty && env.TERM !== 'dumb';
}

export function createStyle(colours: boolean): Style {
  if (!colours) return (_textStyle, text) => text;
  return (textStyle, text) => styleText(textStyle, text, { validateStream: false });
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
