// Logs a person in through a browser that may be on any device: https://www.rfc-editor.org/rfc/rfc8628

import { setTimeout as pause } from 'node:timers/promises';
import {
  type DeviceAuthorizationResponse,
  deviceAuthorizationRequest,
  deviceCodeGrantRequest,
  None,
  processDeviceAuthorizationResponse,
  processDeviceCodeResponse,
  type TokenEndpointResponse,
} from 'oauth4webapi';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { askIssuer, type Question } from './ask-issuer.ts';
import { toCliError, toIssuerFailure } from './issuer-failure.ts';
import { toRequestOptions } from './issuer-http.ts';
import { type Granted, toParameters, toResource, toTokens } from './token-wish.ts';

export interface Prompt {
  readonly userCode: string;
  readonly url: string;
  /** With the code in it; undefined where the issuer has none. */
  readonly completeUrl: string | undefined;
}

export interface DeviceFlow extends Question {
  /** Called once, before the wait. */
  readonly onPrompt: (prompt: Prompt) => void;
  /** Called before each pause. */
  readonly onWait: (wait: { readonly msLeft: number }) => void;
  readonly clock?: Clock;
}

export interface Clock {
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Resolves once the person has agreed. Throws `CliError`: refused, too late, not possible there, issuer unavailable. */
export async function runDeviceFlow(flow: DeviceFlow): Promise<Granted> {
  const { server, signal, clock = systemClock } = flow;
  const { answer: device, wish } = await askIssuer(flow, async (wish) => {
    const client = { client_id: wish.clientId };
    const options = toRequestOptions(signal);
    const response = await deviceAuthorizationRequest(
      server,
      client,
      None(),
      toParameters(wish),
      options,
    );
    return processDeviceAuthorizationResponse(server, client, response);
  });
  const expiresAtMs = clock.now() + device.expires_in * 1000;
  flow.onPrompt(toPrompt(device, server.issuer));
  let pace: Pace = {
    intervalMs: (device.interval ?? defaultIntervalSeconds) * 1000,
    silences: 0,
  };
  for (;;) {
    const msLeft = expiresAtMs - clock.now();
    if (msLeft <= 0) throw tooLate();
    flow.onWait({ msLeft });
    await clock.sleep(Math.min(pace.intervalMs, msLeft), signal);
    const polled = await poll({ server, wish, signal }, device.device_code, pace);
    if ('access_token' in polled) return { tokens: toTokens(polled, clock.now()), wish };
    pace = polled;
  }
}

const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => pause(ms, undefined, { signal }),
};

interface Pace {
  readonly intervalMs: number;
  /** How often in a row the issuer did not answer. */
  readonly silences: number;
}

const defaultIntervalSeconds = 5; // RFC 8628, section 3.2
const slowDownMs = 5_000; // section 3.5
const longestIntervalMs = 60_000;
const maxSilences = 4;

/** The tokens, or the pace to ask on at. */
async function poll(
  { server, wish, signal }: Question,
  deviceCode: string,
  pace: Pace,
): Promise<TokenEndpointResponse | Pace> {
  const client = { client_id: wish.clientId };
  try {
    const response = await deviceCodeGrantRequest(server, client, None(), deviceCode, {
      ...toRequestOptions(signal),
      additionalParameters: toResource(wish.audience),
    });
    return await processDeviceCodeResponse(server, client, response);
  } catch (error) {
    const failure = toIssuerFailure(error, signal);
    const { intervalMs, silences } = pace;
    if (failure.kind === 'unavailable' && silences < maxSilences) {
      return { intervalMs: Math.min(intervalMs * 2, longestIntervalMs), silences: silences + 1 };
    }
    const code = failure.kind === 'refused' ? failure.code : '';
    if (code === 'authorization_pending') return { intervalMs, silences: 0 };
    if (code === 'slow_down') return { intervalMs: intervalMs + slowDownMs, silences: 0 };
    if (code === 'expired_token') throw tooLate();
    if (code === 'access_denied') {
      throw new CliError(exitCodes.denied, 'The login was refused at the issuer; nothing changed', {
        cause: error,
      });
    }
    const doing = 'asked whether the login was approved';
    throw toCliError(failure, { issuer: server.issuer, doing, cause: error });
  }
}

/** What is shown is opened by the user, so it must be an address of the web. */
function toPrompt(device: DeviceAuthorizationResponse, issuer: string): Prompt {
  const { user_code: userCode, verification_uri: url, verification_uri_complete } = device;
  if (!isWeb(url)) {
    throw new CliError(
      exitCodes.failed,
      `The issuer ${issuer} gave no web address to approve the login at; use --client-id and --client-secret-file`,
    );
  }
  const isComplete = verification_uri_complete !== undefined && isWeb(verification_uri_complete);
  return { userCode, url, completeUrl: isComplete ? verification_uri_complete : undefined };
}

function isWeb(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

function tooLate(): CliError {
  return new CliError(
    exitCodes.denied,
    'Nobody approved the login in time; nothing changed: run ondemand login again',
  );
}
