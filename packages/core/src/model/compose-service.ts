// Which compose service a container is of, by its labels, and what the replacement of one means for others.

export interface ComposeService {
  readonly project: string;
  readonly service: string;
}

type Labels = Readonly<Record<string, string>>;

const prefix = 'com.docker.compose.';

/** `undefined` for a container that compose did not make, and for one of `docker compose run`. */
export function toComposeService(labels: Labels): ComposeService | undefined {
  const project = labels[`${prefix}project`];
  const service = labels[`${prefix}service`];
  return project && service && !isOneOff(labels) ? { project, service } : undefined;
}

/** Of `docker compose run`. */
export function isOneOff(labels: Labels): boolean {
  return labels[`${prefix}oneoff`]?.toLowerCase() === 'true';
}

/** Its number among the replicas of its service. */
export function toReplicaNumber(labels: Labels): string | undefined {
  return labels[`${prefix}container-number`];
}

export function isOfService(labels: Labels, { project, service }: ComposeService): boolean {
  const of = toComposeService(labels);
  return of?.project === project && of.service === service;
}

/** In words for people: who lost its network with the one that was replaced, and what heals it. */
export function toCutOffNote(
  { name, labels }: { readonly name: string; readonly labels: Labels },
  replaced: string,
): string {
  const cure =
    toComposeService(labels) === undefined
      ? `remove '${name}' and create it again, as Docker Compose did not make it`
      : `rebuild '${name}' as well`;
  return `'${name}' shared the network of '${replaced}', which was replaced, and has no network until it is replaced too: ${cure}`;
}
