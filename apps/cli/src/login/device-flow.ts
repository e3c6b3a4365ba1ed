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
import { toCliError, toIssuerFailure } from './issuer-failure.ts';
import { toRequestOptions } from './issuer-http.ts';
import { askIssuer, type Question } from './retried-token-request.ts';
import { type Granted, toParameters, toResource, toTokens } from './token-request.ts';

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
  const { answer: device, tokenRequest } = await askIssuer(
    { ...flow, grant: 'device_code' },
    async (tokenRequest) => {
      const client = { client_id: tokenRequest.clientId };
      const options = toRequestOptions(signal);
      const response = await deviceAuthorizationRequest(
        server,
        client,
        None(),
        toParameters(tokenRequest),
        options,
      );
      return processDeviceAuthorizationResponse(server, client, response);
    },
  );
  const expiresAtMs = clock.now() + device.expires_in * 1000;
  flow.onPrompt(toPrompt(device, server.issuer));
  const intervalMs = (device.interval ?? defaultIntervalSeconds) * 1000;
  let pace: Pace = { intervalMs, pauseMs: intervalMs, failure: undefined };
  for (;;) {
    const msLeft = expiresAtMs - clock.now();
    if (msLeft <= 0) throw pace.failure ?? tooLate();
    flow.onWait({ msLeft });
    await clock.sleep(Math.min(pace.pauseMs, msLeft), signal);
    const polled = await poll({ server, tokenRequest, signal }, device.device_code, pace);
    if ('access_token' in polled) return { tokens: toTokens(polled, clock.now()), tokenRequest };
    pace = polled;
  }
}

const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => pause(ms, undefined, { signal }),
};

interface Pace {
  /** As the issuer wants it, and longer once it did not answer. */
  readonly intervalMs: number;
  /** Before the next poll: longer where the issuer asks to be left alone for a while. */
  readonly pauseMs: number;
  /** Why the last poll was not answered; undefined when it was. */
  readonly failure: CliError | undefined;
}

const defaultIntervalSeconds = 5; // RFC 8628, section 3.2
const slowDownMs = 5_000; // section 3.5
const longestIntervalMs = 30_000;

/** The tokens, or the pace to ask on at. An issuer that does not answer is asked for as long as the code holds. */
async function poll(
  { server, tokenRequest, signal }: Question,
  deviceCode: string,
  { intervalMs }: Pace,
): Promise<TokenEndpointResponse | Pace> {
  const client = { client_id: tokenRequest.clientId };
  try {
    const response = await deviceCodeGrantRequest(server, client, None(), deviceCode, {
      ...toRequestOptions(signal),
      additionalParameters: toResource(tokenRequest.audience),
    });
    return await processDeviceCodeResponse(server, client, response);
  } catch (error) {
    const failure = toIssuerFailure(error, signal);
    const doing = 'asked whether the login was approved';
    const told = toCliError(failure, { issuer: server.issuer, doing, cause: error });
    if (failure.kind === 'unavailable') {
      const slowerMs = Math.min(intervalMs * 2, Math.max(longestIntervalMs, intervalMs));
      const nextMs = Math.max(slowerMs, failure.retryAfterMs ?? 0);
      return { intervalMs: slowerMs, pauseMs: nextMs, failure: told };
    }
    const keepOn = (ms: number): Pace => ({ intervalMs: ms, pauseMs: ms, failure: undefined });
    const code = failure.kind === 'refused' ? failure.code : '';
    if (code === 'authorization_pending') return keepOn(intervalMs);
    if (code === 'slow_down') return keepOn(intervalMs + slowDownMs);
    if (code === 'expired_token') throw tooLate();
    if (code === 'access_denied') {
      throw new CliError(exitCodes.denied, 'The login was refused at the issuer; nothing changed', {
        cause: error,
      });
    }
    throw told;
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
