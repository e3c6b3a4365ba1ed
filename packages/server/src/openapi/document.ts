// The OpenAPI document: generated from the procedures, with the published reference's descriptions.

import { type ErrorCode, errorCodes, errorTexts } from '@ondemand/core';
import { generateOpenApiDocument } from 'trpc-to-openapi';
import { createSchema } from 'zod-openapi';
import { type ApiError, apiErrorSchema } from '../http/api-error.ts';
import { type AppRouter, appRouter } from '../procedures/app-router.ts';
import { type RestOperation, toRestOperations } from '../rest/operations.ts';
import { bodyErrors, requestIdHeader, toErrorReferences, toSecurity } from './common-parts.ts';
import { type OperationExample, operationExamples, toParameterExample } from './examples.ts';
import { describeStreams } from './streams.ts';

export type OpenApiDocument = ReturnType<typeof generateOpenApiDocument>;
type OperationObject = NonNullable<NonNullable<OpenApiDocument['paths']>[string]['get']>;
type ResponseObject = Extract<
  NonNullable<OperationObject['responses']>[string],
  { description: string }
>;

const apiTitle = 'Containers Control On-Demand API';
export const apiVersion = '1.0.0';

const description =
  'REST API for oci-flex VM lifecycle management and Docker container control via SSH';

/** The published reference's. */
export const referenceServers = [
  { url: 'https://api.diegonmarcos.com', description: 'Production API via NPM proxy' },
  { url: 'http://127.0.0.1:5000', description: 'Direct Flask access (internal only)' },
  { url: 'http://localhost:5000', description: 'Local development' },
];

const tags = [
  { name: 'vm', description: 'OCI Flex VM lifecycle (start, stop, reset, status)' },
  { name: 'containers', description: 'Docker container management on oci-flex via SSH' },
  { name: 'jobs', description: 'Long work on the VM, which outlives the connection that began it' },
  { name: 'events', description: 'What happens to the VM, its containers and its jobs' },
  { name: 'whoami', description: 'The caller, as the API sees it' },
  { name: 'audit', description: 'Who changed what, or tried to' },
  { name: 'diagnose', description: 'What works, what does not, and what to do' },
];

/** A deployment's document names `publicUrl` alone: a generated client sends its token to the first of `servers`. */
export function createOpenApiDocument({
  publicUrl,
  servers = [{ url: publicUrl, description: 'This API' }],
}: {
  readonly publicUrl: string;
  readonly servers?: { url: string; description: string }[];
}) {
  const document = generateOpenApiDocument(appRouter as AppRouter, {
    title: apiTitle,
    version: apiVersion,
    description,
    baseUrl: publicUrl,
    openApiVersion: '3.1.0',
    license: { name: 'MIT', identifier: 'MIT' },
    securitySchemes: { bearerAuth },
  });
  const operations = toRestOperations(appRouter);
  for (const operation of operations) dress(operationObject(document, operation), operation);
  const { schema, components } = createSchema(apiErrorSchema, { openapiVersion: '3.1.0' });
  const streams = describeStreams(appRouter);
  Object.assign(document.paths ?? {}, streams.paths);
  const paths = JSON.stringify(document.paths);
  document.components = {
    ...document.components,
    schemas: {
      ...document.components?.schemas,
      ...streams.schemas,
      ...components,
      ...('$ref' in schema ? {} : { ApiError: schema }),
    },
    // A method that a path lacks is no operation, so no path refers to its error.
    responses: Object.fromEntries(
      errorCodes
        .filter((code) => paths.includes(`/responses/${code}"`))
        .map((code) => [code, errorResponse(code)]),
    ),
  };
  document.servers = servers;
  document.tags = tags;
  return document;
}

const bearerAuth = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description:
    'An access token of the issuer, with the scope `read` (look), `wake` (start the VM and see its state) or `admin` (change; implies both).',
} as const;

function operationObject(document: OpenApiDocument, { path, method }: RestOperation) {
  const item = document.paths?.[path];
  const object = method === 'GET' ? item?.get : method === 'POST' ? item?.post : item?.delete;
  if (object === undefined) throw new Error(`no operation is documented at ${method} ${path}`);
  return object;
}

function dress(object: OperationObject, operation: RestOperation): void {
  const { scopes, meta, id, method, textField } = operation;
  object.security = toSecurity(scopes);
  const success = object.responses?.['200'];
  const examples = operationExamples[id];
  if (success === undefined || !('description' in success) || examples === undefined)
    throw new Error(`${id} lacks its success response or its example`);
  const content = success.content?.['application/json'];
  if (content !== undefined) content.example = examples.response;
  if (textField !== undefined && success.content !== undefined)
    success.content['text/plain'] = { schema: { type: 'string' }, example: examples.text };
  success.description = examples.description;
  success.headers = requestIdHeader;
  if (method === 'POST') object.requestBody = toOptionalBody(object.requestBody, examples.request);
  object.responses = {
    '200': success,
    ...(examples.accepted !== undefined && { '202': toAccepted(success, examples.accepted) }),
    ...toErrorReferences([...meta.errors, ...(method === 'GET' ? [] : bodyErrors)]),
  };
  const mayWait = examples.accepted !== undefined;
  object.parameters = [...(object.parameters ?? []), ...(mayWait ? [preferParameter] : [])].map(
    (parameter) =>
      'name' in parameter
        ? { ...parameter, example: toParameterExample(id, parameter.name) }
        : parameter,
  );
}

/** No body and `{}` are the same, also where nothing can be said in it; only where something must be said is a body needed. */
function toOptionalBody(body: OperationObject['requestBody'], example: object = {}) {
  const given = body !== undefined && 'content' in body ? body.content['application/json'] : {};
  const schema = given?.schema ?? { type: 'object' as const, additionalProperties: false };
  const required = 'required' in schema && (schema.required?.length ?? 0) > 0;
  return { required, content: { 'application/json': { schema, example } } };
}

/** The answer that does not wait for the end. */
function toAccepted(
  success: ResponseObject,
  { description, location, response: example }: NonNullable<OperationExample['accepted']>,
): ResponseObject {
  const { schema } = success.content?.['application/json'] ?? {};
  return {
    description,
    headers: {
      ...requestIdHeader,
      location: { description: location, schema: { type: 'string' } },
      'preference-applied': {
        description: 'What was applied of `Prefer`',
        schema: { type: 'string' },
      },
    },
    content: { 'application/json': { ...(schema && { schema }), example } },
  };
}

const preferParameter = {
  name: 'Prefer',
  in: 'header',
  description:
    '`respond-async`: answer once it has begun; `wait=N`: after N seconds at the latest (RFC 7240)',
  schema: { type: 'string' },
} as const;

const retryAfterHeader = {
  'retry-after': { description: 'Seconds to wait', schema: { type: 'integer' as const } },
};

/** A 503 does where it is known when to ask again. */
const asksToWait: ReadonlySet<ErrorCode> = new Set(['TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE']);

function errorResponse(code: ErrorCode) {
  const [text] = errorTexts[code];
  const example: ApiError = {
    error: text,
    code,
    message: exampleMessages[code],
    details: { requestId: '0d3c2f5e-6a0b-4a3e-9a52-1f2f7c8f4b11' },
  };
  return {
    description: text,
    headers: { ...requestIdHeader, ...(asksToWait.has(code) && retryAfterHeader) },
    content: {
      'application/json': { schema: { $ref: '#/components/schemas/ApiError' }, example },
    },
  };
}

const exampleMessages: Readonly<Record<ErrorCode, string>> = {
  BAD_REQUEST: 'Invalid request: lines: must be a whole number from 1 to 10000',
  UNAUTHORIZED: 'No bearer token; send it as the header `Authorization: Bearer TOKEN`',
  FORBIDDEN: 'This needs the scope "admin", which the token lacks',
  NOT_FOUND: "No container named 'ngnix' on oci-flex",
  METHOD_NOT_ALLOWED: 'DELETE is not allowed here; use GET or HEAD',
  CONFLICT: 'VM already running: oci-flex is RUNNING, so there is nothing to start',
  PAYLOAD_TOO_LARGE: 'The body is larger than this API reads',
  UNSUPPORTED_MEDIA_TYPE: 'Send JSON (content-type: application/json) or no body at all',
  TOO_MANY_REQUESTS: 'Too many requests; wait as long as Retry-After says',
  INTERNAL_ERROR: 'Something failed inside the API; its log has more under this request id',
  SERVICE_UNAVAILABLE: 'oci-flex is STOPPED; start it with POST /vm/start',
};
