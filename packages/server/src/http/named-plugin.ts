// Tells Fastify the name of a plugin.

/** Without it, Fastify looks for the plugin among all modules that are loaded, several times for each. */
export function named<Plugin extends { readonly name: string }>(plugin: Plugin): Plugin {
  return Object.assign(plugin, { [Symbol.for('fastify.display-name')]: plugin.name });
}
