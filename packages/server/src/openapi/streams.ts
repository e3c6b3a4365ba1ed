// The streams in the OpenAPI document, from the same procedures and schemas that answer them.

import { z } from 'zod';
import { createSchema } from 'zod-openapi';
import type { AppRouter } from '../procedures/app-router.ts';
import { toTag } from '../procedures/operation-metadata.ts';
import { type StreamRoute, toStreamRoutes } from '../streams/routes.ts';
import { streamEndSchema, streamReadySchema } from '../streams/sse.ts';
import { requestIdHeader, toErrorReferences, toSecurity } from './common-parts.ts';
import { operationExamples, toParameterExample } from './examples.ts';

/** `paths` with one GET for each subscription, and the schemas that they refer to. */
export function describeStreams(router: AppRouter) {
  const described = toStreamRoutes(router).map((route) => ({
    route,
    item: createSchema(route.operation.item, { openapiVersion: '3.1.0', io: 'output' }),
  }));
  const framing = [streamReadySchema, streamEndSchema].map((schema) =>
    createSchema(schema, { openapiVersion: '3.1.0', io: 'output' }),
  );
  return {
    paths: Object.fromEntries(
      described.map(({ route, item }) => [
        route.operation.path,
        { get: toOperation(route, item.schema) },
      ]),
    ),
    schemas: acceptText(
      Object.assign(
        {},
        ...[...described.map(({ item }) => item), ...framing].map(({ components }) => components),
      ),
    ),
  };
}

/** A validating gateway holds the whole body, a text, against the schema of one event: one that names no type lets it pass. */
function acceptText(schemas: Record<string, { type?: unknown }>): Record<string, object> {
  const { type: _, ...ready } = schemas.StreamReady ?? {};
  return { ...schemas, StreamReady: ready };
}

/** The events that every stream has beside its items. */
const frame = ['StreamReady', 'StreamEnd', 'ApiError'].map((name) => ({
  $ref: `#/components/schemas/${name}`,
}));

function toOperation(route: StreamRoute, itemSchema: object) {
  const { summary, description, text, errors } = route.operation;
  const example = operationExamples[route.id];
  if (example === undefined) throw new Error(`${route.id} lacks its example`);
  return {
    operationId: route.id,
    summary,
    ...(description !== undefined && { description }),
    tags: [toTag(route.id)],
    security: toSecurity(route.scopes),
    parameters: [...toParameters(route), lastEventIdHeader].map((parameter) => {
      const value = toParameterExample(route.id, parameter.name);
      return value === undefined ? parameter : { ...parameter, example: value };
    }),
    responses: {
      '200': {
        description: `${example.description}: server-sent events. The first is a \`ready\`. The \`data\` of the others is as shown here, in JSON; the \`id\` is for \`Last-Event-ID\`. The last is an \`end\`, or a \`failure\` with an ApiError; without either the stream was interrupted: connect again.`,
        headers: requestIdHeader,
        content: {
          'text/event-stream': {
            schema: { anyOf: [itemSchema, ...frame] },
            example: example.response,
          },
          ...(text && { 'text/plain': { schema: { type: 'string' }, example: example.text } }),
        },
      },
      ...toErrorReferences(errors),
    },
  };
}

function toParameters({ operation, fields }: StreamRoute) {
  return Object.entries(fields).map(([name, field]) => {
    const { $schema: _, description, ...schema } = z.toJSONSchema(field, { io: 'input' });
    const isInPath = operation.path.includes(`{${name}}`);
    return {
      name,
      in: isInPath ? 'path' : 'query',
      ...(isInPath && { required: true }),
      ...(description !== undefined && { description }),
      schema,
    };
  });
}

const lastEventIdHeader = {
  name: 'Last-Event-ID',
  in: 'header',
  description: 'The id of the last event that you have; an EventSource sends it by itself',
  schema: { type: 'string', maxLength: 128 },
};
