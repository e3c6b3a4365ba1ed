// What a procedure is on every transport: its scope, its place in REST and the errors it documents.

import type { ErrorCode } from '@ondemand/core';
import type { OpenApiMeta, OpenApiMethod } from 'trpc-to-openapi';
import type { Scope } from './auth/principal.ts';

export interface Operation {
  readonly method: OpenApiMethod;
  /** `{name}` stands for the input of that name. */
  readonly path: `/${string}`;
  readonly summary: string;
  readonly description?: string;
  /** The output field that `Accept: text/plain` asks for bare. */
  readonly textField?: string;
  /** Codes it can answer beyond those that every operation can (401, 403, 500). */
  readonly errors: readonly ErrorCode[];
}

export interface Meta extends OpenApiMeta {
  readonly openapi: NonNullable<OpenApiMeta['openapi']> & { readonly operationId: string };
  readonly scope: Scope;
  readonly textField?: string;
  readonly errors: readonly ErrorCode[];
}

/** `id` is OpenAPI's operation id: the procedure's path with `_` for `.`; its first word is the tag. */
export function toMeta(id: string, scope: Scope, operation: Operation): Meta {
  const { errors, textField, ...rest } = operation;
  const [tag = id] = id.split('_', 1);
  return {
    scope,
    errors,
    ...(textField !== undefined && { textField }),
    openapi: { ...rest, operationId: id, tags: [tag], errorResponses: [] },
  };
}
