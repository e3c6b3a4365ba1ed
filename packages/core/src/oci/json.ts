// Reads parsed JSON from outside without assuming its shape.

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The own property `key` of an object; undefined for anything else. */
export function toField(json: unknown, key: string): unknown {
  return typeof json === 'object' && json !== null
    ? Object.getOwnPropertyDescriptor(json, key)?.value
    : undefined;
}

/** As `toField`, for text only. */
export function toText(json: unknown, key: string): string | undefined {
  const value = toField(json, key);
  return typeof value === 'string' ? value : undefined;
}
