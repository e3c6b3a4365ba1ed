// A container's image in the words of `docker ps`, which people compare with.

/**
 * IMAGE as `docker ps` prints it: the familiar name (`nginx:1.27`, not `docker.io/library/nginx:1.27`), without a digest;
 * twelve digits of the id when the container was made from an id or its tag has moved on; `<no image>` for none.
 * Follows `ContainerContext.Image` of https://github.com/docker/cli/blob/master/cli/command/formatter/container.go
 */
export function formatImage(image: string, imageId: string): string {
  if (image === '') return '<no image>';
  const shortId = toShortId(imageId);
  if (shortId !== '' && shortId === toShortId(image)) return shortId;
  const { name, tag } = splitReference(image);
  const familiar = toFamiliar(name);
  // What is no valid reference is shown as it stands.
  if (familiar === undefined) return image;
  return tag === undefined ? familiar : `${familiar}:${tag}`;
}

const digest = /@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const tagged = /^(.+):([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})$/;
const pathPart = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const domain = /^(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;

function toShortId(id: string): string {
  const colon = id.indexOf(':');
  return id.slice(colon + 1, colon + 13);
}

function splitReference(image: string): { name: string; tag: string | undefined } {
  const name = image.replace(digest, '');
  const match = tagged.exec(name);
  // A colon before a slash belongs to the registry's port.
  if (match?.[1] === undefined || match[2] === undefined) return { name, tag: undefined };
  return { name: match[1], tag: match[2] };
}

function toFamiliar(name: string): string | undefined {
  if (/^[0-9a-f]{64}$/.test(name)) return undefined;
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const hasDomain = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  const path = hasDomain ? name.slice(slash + 1) : name;
  if (!path.split('/').every((part) => pathPart.test(part))) return undefined;
  if (!hasDomain) return trimLibrary(path);
  if (!domain.test(first)) return undefined;
  return first === 'docker.io' || first === 'index.docker.io' ? trimLibrary(path) : name;
}

/** `library/nginx` is `nginx`; a deeper path keeps its first part. */
function trimLibrary(path: string): string {
  const rest = path.startsWith('library/') ? path.slice('library/'.length) : path;
  return rest.includes('/') ? path : rest;
}
