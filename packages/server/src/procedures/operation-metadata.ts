// What a procedure is on every transport: its scopes, its REST route and the errors it documents.

import type { ErrorCode } from '@ondemand/core';
import type { OpenApiMeta, OpenApiMethod } from 'trpc-to-openapi';
import type { z } from 'zod';
import type { AnyScope } from '../auth/principal.ts';
import type { Work } from '../limits/fair-queue.ts';

export interface Operation {
  readonly method: OpenApiMethod;
  /** `{name}` stands for the input of that name. */
  readonly path: `/${string}`;
  readonly summary: string;
  readonly description?: string;
  /** The output field that `Accept: text/plain` asks for bare. */
  readonly textField?: string;
  /** Codes it can answer beyond those that every operation can (400, 401, 403, 429, 500, 503) and that its method can (413, 415). */
  readonly errors: readonly ErrorCode[];
}

/** A streaming procedure: a tRPC subscription, and server-sent events in REST. */
export interface StreamOperation extends Omit<Operation, 'method'> {
  /** The item's field that `Accept: text/plain` asks for bare, behind another one where the item has that, with what each piece ends in. */
  readonly text?: { readonly before?: string; readonly field: string; readonly end: string };
  /** What each item is, for the document. */
  readonly item: z.ZodType;
  /** One source serves all who read the same: then ten times as many streams may be open. */
  readonly isShared?: boolean;
  /** What opening it takes the most of; `reads` if left out. */
  readonly work?: Work;
}

export interface Meta extends OpenApiMeta {
  /** The operation id. */
  readonly id: string;
  readonly scopes: AnyScope;
  readonly path: string;
  readonly textField?: string;
  readonly errors: readonly ErrorCode[];
  /** One of the two is there. */
  readonly openapi?: NonNullable<OpenApiMeta['openapi']> & { readonly operationId: string };
  readonly stream?: StreamOperation;
}

/** `id` is OpenAPI's operation id: the procedure's path with `_` for `.`; its first word is the tag. */
export function toMeta(id: string, scopes: AnyScope, operation: Operation): Meta {
  const { errors, textField, ...rest } = operation;
  return {
    id,
    scopes,
    path: operation.path,
    errors,
    ...(textField !== undefined && { textField }),
    openapi: { ...rest, operationId: id, tags: [toTag(id)], errorResponses: [] },
  };
}

export function toStreamMeta(id: string, scopes: AnyScope, stream: StreamOperation): Meta {
  const { path, errors } = stream;
  return { id, scopes, path, errors, stream };
}

export function toTag(id: string): string {
  return id.split('_', 1)[0] ?? id;
}
