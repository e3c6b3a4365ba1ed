// The entry point of @ondemand/client.

export type {
  CallOptions,
  Mutation,
  Query,
  Reconnect,
  SubscribeOptions,
  Subscription,
} from './call-types.ts';
export { createClient, type OnDemandClient } from './client.ts';
export {
  type ApiErrorCode,
  type ClientErrorCode,
  type ErrorCode,
  isApiError,
  OnDemandError,
  type OnDemandErrorOptions,
} from './errors.ts';
export type * from './models.ts';
export type { ClientOptions, TokenRequest, TokenSource } from './options.ts';
