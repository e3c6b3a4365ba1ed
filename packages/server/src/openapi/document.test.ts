import { readFile } from 'node:fs/promises';
import { type ErrorCode, errorTexts } from '@ondemand/core';
import { createConfig, lintFromString, stringifyYaml } from '@redocly/openapi-core';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { errorMap } from '../http/error-statuses.ts';
import { appRouter } from '../procedures/app-router.ts';
import { toRestOperations } from '../rest/operations.ts';
import { toStreamRoutes } from '../streams/routes.ts';
import { createOpenApiDocument, referenceServers } from './document.ts';
import { operationExamples } from './examples.ts';

const publicUrl = 'https://ondemand.example.com';
const document = createOpenApiDocument({ publicUrl });
const operations = toRestOperations(appRouter);
const streams = toStreamRoutes(appRouter);

const everywhere = [
  'BAD_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'TOO_MANY_REQUESTS',
  'INTERNAL_ERROR',
  'SERVICE_UNAVAILABLE',
] as const;
const withBody = ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const;

test('a standard linter, which checks the structure too, finds no error', async () => {
  const problems = await lintFromString({
    source: stringifyYaml(document),
    config: await createConfig({ extends: ['recommended'] }),
  });
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
});

describe('the published reference', async () => {
  const reference = await readFile(
    new URL('../../../../docs/rest-api-reference.md', import.meta.url),
    'utf8',
  ).then((text) => text.trim());

  /** The rows of the tables whose header begins with these columns. */
  const rows = (...columns: string[]) =>
    reference
      .split(/\n\n+/)
      .map((block) => block.split('\n').map(toCells))
      .filter(([header]) => columns.every((name, index) => header?.[index] === name))
      .flatMap(([, , ...body]) => body);

  test('has every documented operation, with its scope and words', () => {
    const documented = rows('Method', 'Path', 'Auth', 'Description');
    expect(documented).toHaveLength(12);
    expect(
      operations
        .map(({ method, path, scopes, meta }) => [method, path, scopes[0], meta.openapi.summary])
        .filter(([method, path]) => documented.some((row) => row[0] === method && row[1] === path)),
    ).toEqual(documented);
  });

  test('has the same title, version, servers and tags', () => {
    const { title, version, description } = document.info;
    for (const [name, text] of Object.entries({
      Title: title,
      Version: version,
      Description: description,
    }))
      expect(reference).toContain(`**${name}**: ${text}\n`);
    expect(referenceServers.map(({ url, description }) => [url, description])).toEqual(
      rows('Environment', 'Base URL').map(([, url, text]) => [url, text]),
    );
    expect(document.tags?.slice(0, 2).map(({ name, description }) => [name, description])).toEqual(
      rows('Category').map(([name, text]) => [name, text]),
    );
  });

  test('has the same schemas and descriptions', () => {
    const schemas = JSON.parse(JSON.stringify(document.components?.schemas));
    for (const [, name = '', table = ''] of reference.matchAll(
      /### (\w+)\n\n(\| Property[^#]*)/g,
    )) {
      for (const [property = '', , , text = ''] of table.trim().split('\n').slice(2).map(toCells)) {
        const field = schemas[name].properties[property];
        expect(field, `${name}.${property}`).toBeDefined();
        if (text !== '' && property !== 'state') expect(field.description).toBe(text);
      }
    }
  });

  test('has the same error codes and texts', () => {
    for (const [status, code, error] of rows('HTTP Code'))
      expect([errorMap[code as ErrorCode].status, errorTexts[code as ErrorCode][0]]).toEqual([
        Number(status),
        error,
      ]);
  });
});

function toCells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', ''));
}

test('every operation id is the path of its procedure', () => {
  expect([...operations, ...streams].map(({ id }) => id.replace('_', '.')).sort()).toEqual(
    Object.keys(appRouter._def.procedures).sort(),
  );
});

test('every stream documents its scope, its parameters, its errors and an item that its schema takes', () => {
  expect(streams.map(({ id }) => id)).toEqual([
    'vm_watchReady',
    'containers_followLogs',
    'jobs_output',
    'events',
  ]);
  for (const { id, scopes, operation } of streams) {
    const object = document.paths?.[operation.path]?.get;
    expect(object).toMatchObject({
      operationId: id,
      security: scopes.map((scope) => ({ bearerAuth: [scope] })),
    });
    for (const code of [...operation.errors, ...everywhere])
      expect(object?.responses?.[errorMap[code].status]).toEqual({
        $ref: `#/components/responses/${code}`,
      });
    expect(operation.item.safeParse(operationExamples[id]?.response).error).toBeUndefined();
  }
});

test('a followed log documents its query, its header, and both of its forms', () => {
  const object = document.paths?.['/containers/{name}/logs/stream']?.get;
  expect(object?.parameters).toMatchObject([
    { name: 'name', in: 'path', required: true },
    {
      name: 'tail',
      in: 'query',
      schema: { anyOf: [{ const: 'all' }, { type: 'integer', minimum: 0 }] },
    },
    { name: 'since', in: 'query', schema: { type: 'string' } },
    { name: 'timestamps', in: 'query', schema: { type: 'boolean' } },
    { name: 'follow', in: 'query', schema: { type: 'boolean' } },
    { name: 'lastEventId', in: 'query' },
    { name: 'Last-Event-ID', in: 'header' },
  ]);
  expect(object?.responses?.['200']).toMatchObject({
    content: {
      // Typed SDKs take every event for what this says, the opening and the closing ones too.
      'text/event-stream': {
        schema: {
          anyOf: ['LogLine', 'StreamReady', 'StreamEnd', 'ApiError'].map((name) => ({
            $ref: `#/components/schemas/${name}`,
          })),
        },
      },
      'text/plain': { schema: { type: 'string' } },
    },
  });
});

test('a rebuild documents the answer that does not wait for its job', () => {
  const object = document.paths?.['/containers/{name}/rebuild']?.post;
  expect(object?.responses?.['202']).toMatchObject({
    headers: { location: {} },
    content: {
      'application/json': {
        schema: { $ref: '#/components/schemas/ContainerActionResult' },
        example: { status: 'initiated' },
      },
    },
  });
  expect(object?.parameters).toContainEqual(expect.objectContaining({ name: 'Prefer' }));
  expect(object?.requestBody).toMatchObject({ required: false });
});

test('what the streams and the new reads answer with is named in the components', () => {
  expect(Object.keys(document.components?.schemas ?? {})).toEqual(
    expect.arrayContaining([
      'Job',
      'JobOutput',
      'LogLine',
      'OnDemandEvent',
      'ContainerInspection',
      'ContainerStats',
    ]),
  );
});

test('every operation documents its scope, its errors as ApiError and an example that its schema takes', () => {
  const procedures = appRouter._def.procedures as unknown as Record<
    string,
    { _def: { output: z.ZodType } }
  >; // output is there, but not in tRPC's type
  for (const { id, path, method, scopes, meta } of operations) {
    const object =
      document.paths?.[path]?.[method === 'GET' ? 'get' : method === 'POST' ? 'post' : 'delete'];
    expect(object?.security).toEqual(scopes.map((scope) => ({ bearerAuth: [scope] })));
    for (const code of [...meta.errors, ...everywhere, ...(method === 'GET' ? [] : withBody)])
      expect(object?.responses?.[errorMap[code].status]).toEqual({
        $ref: `#/components/responses/${code}`,
      });
    const output = procedures[id.replace('_', '.')]?._def.output;
    expect(output?.safeParse(operationExamples[id]?.response).error).toBeUndefined();
  }
});

test('every error that may say when to ask again documents the header', () => {
  const headersOf = (code: string) => {
    const response = document.components?.responses?.[code];
    return Object.keys(
      response !== undefined && 'headers' in response ? (response.headers ?? {}) : {},
    );
  };
  expect(Object.keys(errorMap).filter((code) => headersOf(code).includes('retry-after'))).toEqual([
    'TOO_MANY_REQUESTS',
    'SERVICE_UNAVAILABLE',
  ]);
});

test("a deployment's document names its public URL alone, which a generated client sends its token to", () => {
  expect(document.servers?.map(({ url }) => url)).toEqual([publicUrl]);
});

test('whatever may be sent a body says that none and {} will do, unless something must be said, with an example, as gateways and newman want', () => {
  for (const { id, path } of operations.filter(({ method }) => method === 'POST')) {
    const { request = {} } = operationExamples[id] ?? {};
    expect(document.paths?.[path]?.post?.requestBody, path).toMatchObject({
      required: path === '/vm/leases',
      content: { 'application/json': { schema: { type: 'object' }, example: request } },
    });
  }
});

test('every operation has a description, and every shared response is referred to', () => {
  const text = JSON.stringify(document.paths);
  for (const [path, item] of Object.entries(document.paths ?? {}))
    for (const object of [item.get, item.post, item.delete])
      if (object !== undefined) expect(object.description, path).toMatch(/\S/);
  for (const code of Object.keys(document.components?.responses ?? {}))
    expect(text).toContain(`#/components/responses/${code}"`);
});

test('every parameter has an example that the API takes, as newman sends that', () => {
  for (const [path, item] of Object.entries(document.paths ?? {}))
    for (const object of [item.get, item.post])
      for (const parameter of object?.parameters ?? []) {
        if (!('name' in parameter) || path === '/events') continue;
        expect(parameter.example, `${path} ${parameter.name}`).toBeDefined();
      }
});

// prism holds the whole body, a text, against the schema of one event.
test('the schema of a stream lets its body pass as the text that it is', () => {
  const { StreamReady: ready } = document.components?.schemas ?? {};
  expect(ready).toHaveProperty('properties.stream');
  expect(ready).not.toHaveProperty('type');
});
