// The procedures of the router as the other transports and the audit need them: by path, and callable inside the process.

import { z } from 'zod';
import type { AppRouter } from './app-router.ts';
import type { Context } from './base.ts';
import type { Meta } from './operation-metadata.ts';

export interface ListedProcedure {
  /** `containers.followLogs` */
  readonly path: string;
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly meta: Meta;
  /** What it takes, by name; empty where it takes nothing. */
  readonly fields: Readonly<Record<string, z.core.$ZodType>>;
  /** As tRPC's own adapters call it, without HTTP between. Throws what it throws: a `TRPCError`. */
  call(context: Context, input: unknown): Promise<unknown>;
}

export function listProcedures(router: AppRouter): ListedProcedure[] {
  return Object.entries(router._def.procedures as unknown as Procedures).map(
    ([path, procedure]) => {
      const { type, meta, inputs } = procedure._def;
      return {
        path,
        type,
        meta,
        fields: toFields(inputs),
        call: (ctx, input) =>
          procedure({
            path,
            type,
            ctx,
            getRawInput: async () => input,
            signal: ctx.signal,
            batchIndex: 0,
          }),
      };
    },
  );
}

/** `/containers/{name}/logs`: the names in it, and as Fastify spells it. */
export function parsePath(path: string): {
  readonly names: ReadonlySet<string>;
  readonly url: string;
} {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  return { names: new Set(names), url: path.replaceAll(/\{(\w+)\}/g, ':$1') };
}

/** At runtime tRPC keeps all procedures in one record, by their path; its type nests them. */
type Procedures = Readonly<Record<string, Procedure>>;

/** https://github.com/trpc/trpc/blob/main/packages/server/src/unstable-core-do-not-import/procedureBuilder.ts */
interface Procedure {
  (call: {
    readonly path: string;
    readonly type: ListedProcedure['type'];
    readonly ctx: Context;
    readonly getRawInput: () => Promise<unknown>;
    readonly signal: AbortSignal;
    readonly batchIndex: number;
  }): Promise<unknown>;
  readonly _def: Pick<ListedProcedure, 'type' | 'meta'> & { readonly inputs: readonly unknown[] };
}

function toFields([schema]: readonly unknown[]): ListedProcedure['fields'] {
  const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  return inner instanceof z.ZodObject ? inner.shape : {};
}
