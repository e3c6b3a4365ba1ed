// Reads fields of parsed YAML, which can be anything, as mappings.

/** The mapping's own fields; none for anything that is no mapping. */
export function toFields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
