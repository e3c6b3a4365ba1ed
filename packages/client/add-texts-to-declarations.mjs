// Puts the texts of the OpenAPI document into the built declarations, so that an editor shows them: of each operation, input, field and type.
// Fails where one has none.

import { readFile, writeFile } from 'node:fs/promises';
import { parseAst } from 'rolldown/parseAst';
import { createOpenApiDocument } from '../server/dist/openapi/document.js';

const document = createOpenApiDocument({ publicUrl: 'http://127.0.0.1:5000' });
const operations = Object.fromEntries(
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => [
      operation.operationId,
      { ...operation, route: `${method.toUpperCase()} ${path}` },
    ]),
  ),
);
const { schemas } = document.components;
const lacking = [];

await describe('dist/client.d.ts', ({ body }, note) => {
  const create = body.find(({ declaration }) => declaration?.id?.name === 'createClient');
  for (const member of create.declaration.returnType.typeAnnotation.members)
    describeNode(member, [], note);
});
await describe('dist/models.d.ts', ({ body }, note) => {
  for (const { type, start, declaration } of body)
    if (type === 'ExportNamedDeclaration' && declaration?.type === 'TSTypeAliasDeclaration') {
      const { name } = declaration.id;
      note(start, textOf(name, schemasOfAlias(name, declaration.typeAnnotation)));
    }
});
if (lacking.length > 0) throw new Error(`without a text: ${lacking.join(', ')}`);

/** Reads a file's declarations, and writes what `visit` notes before them. */
async function describe(name, visit) {
  const file = new URL(name, import.meta.url);
  const text = await readFile(file, 'utf8');
  const notes = [];
  const note = (start, comment) => comment && notes.push({ start, comment });
  visit(parseAst(text, { lang: 'dts' }), note);
  let written = text;
  for (const { start, comment } of notes.sort((a, b) => b.start - a.start)) {
    const indent = /[ \t]*$/.exec(text.slice(0, start))[0];
    written = `${written.slice(0, start)}${toComment(comment, indent)}${written.slice(start)}`;
  }
  await writeFile(file, written);
}

function toComment(text, indent) {
  const lines = text.replaceAll('*/', '*\\/').split('\n');
  if (lines.length === 1) return `/** ${lines[0]} */\n${indent}`;
  return `/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n${indent}`;
}

/** A group of operations, or one. */
function describeNode({ key, typeAnnotation: { typeAnnotation: type }, start }, path, note) {
  const names = [...path, key.name];
  if (type.type === 'TSTypeLiteral') {
    note(start, document.tags.find(({ name }) => name === names.join('.'))?.description);
    for (const member of type.members) describeNode(member, names, note);
    return;
  }
  const operation = operations[names.join('_')];
  const { summary, description, route, security } = operation;
  const scopes = [...new Set(security.flatMap(({ bearerAuth }) => bearerAuth))];
  const access = `Scope ${scopes.map((scope) => `\`${scope}\``).join(' or ')}; in REST \`${route}\`.`;
  note(start, [summary, description, access].filter(Boolean).join('\n\n'));
  const [input, output] = type.typeArguments.params;
  describeType(input, [inputOf(operation)], { where: names.join('.'), note });
  describeType(output, outputsOf(operation), { where: names.join('.'), note });
}

function inputOf({ parameters = [], requestBody }) {
  const body = variantsOf(requestBody?.content['application/json'].schema ?? {});
  const fields = parameters.map(({ name, description, schema }) => [
    name,
    { ...schema, description: description ?? schema.description },
  ]);
  return {
    properties: Object.assign(
      {},
      ...body.map(({ properties }) => properties),
      Object.fromEntries(fields),
    ),
  };
}

function outputsOf({ responses }) {
  const { content } = responses['200'];
  return [(content['application/json'] ?? content['text/event-stream']).schema];
}

/** Notes the text of each field of a type, found in those of the schemas that have all its fields. */
function describeType(type, candidates, { where, note }) {
  const found = candidates.flatMap(variantsOf);
  if (type.type === 'TSUnionType')
    for (const each of type.types) describeType(each, found, { where, note });
  if (type.type === 'TSArrayType')
    describeType(
      type.elementType,
      found.flatMap(({ items = [] }) => items),
      { where, note },
    );
  if (type.type !== 'TSTypeLiteral') return;
  const owners = found.filter(
    ({ properties }) => properties && type.members.every((member) => accepts(properties, member)),
  );
  for (const { key, start, typeAnnotation } of type.members) {
    const fields = owners.map(({ properties }) => properties[key.name]);
    const at = { where: `${where}.${key.name}`, note };
    note(start, textOf(at.where, fields));
    describeType(typeAnnotation.typeAnnotation, fields, at);
  }
}

function accepts(properties, { key, typeAnnotation: { typeAnnotation: type } }) {
  const property = properties[key.name];
  const isTold = property?.const === undefined || type.type !== 'TSLiteralType';
  return property !== undefined && (isTold || property.const === type.literal.value);
}

function variantsOf(schema) {
  const resolved = resolve(schema);
  const parts = resolved.anyOf ?? resolved.oneOf ?? resolved.allOf;
  return parts === undefined ? [resolved] : parts.flatMap(variantsOf);
}

function resolve(schema) {
  return schema.$ref === undefined ? schema : schemas[schema.$ref.split('/').at(-1)];
}

function textOf(where, fields) {
  const texts = fields.map((field) => field.description ?? resolve(field).description);
  const text = texts.find(Boolean);
  if (text === undefined) lacking.push(where);
  return text;
}

/** `Job['state']` is a field of a schema by that name. */
function schemasOfAlias(name, type) {
  if (schemas[name] !== undefined) return [schemas[name]];
  if (type.type !== 'TSIndexedAccessType') return [];
  const { objectType, indexType } = type;
  const owners = schemasOfAlias(objectType.typeName?.name, objectType);
  return owners.flatMap(({ properties, items }) =>
    indexType.type === 'TSNumberKeyword' ? [items] : [properties[indexType.literal.value]],
  );
}
