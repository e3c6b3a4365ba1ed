// A container's compose labels as what to rebuild, or why it cannot be; labels are untrusted, an image can bake them in.

/** What `docker compose up` needs to know. Paths are absolute, not yet resolved on the VM. */
export interface ComposeTarget {
  readonly project: string;
  readonly service: string;
  readonly workingDir: string;
  /** At least one. */
  readonly files: readonly string[];
  readonly environmentFiles: readonly string[];
}

export type ComposeReading =
  | { readonly target: ComposeTarget }
  /** In words for the caller, never with a label's value. */
  | { readonly reason: string };

/**
 * Reads the labels of compose v2 (absolute files) and v1 (files that may be relative to the working directory).
 * Total: every set of labels gives a target whose every part is safe as one argument, or the reason why there is none.
 * Labels: https://github.com/docker/compose/blob/main/pkg/api/labels.go
 */
export function readComposeLabels(labels: Readonly<Record<string, string>>): ComposeReading {
  const label = (name: string) => labels[`com.docker.compose.${name}`] ?? '';
  const project = label('project');
  const service = label('service');
  const workingDir = label('project.working_dir');
  const configFiles = label('project.config_files');

  if (project === '' && service === '') return refuse('it was not made by Docker Compose');
  if (!projectName.test(project)) return refuse('its compose project has no valid name');
  if (!serviceName.test(service)) return refuse('its compose service has no valid name');
  if (label('oneoff').toLowerCase() === 'true') {
    return refuse('it is a one-off container of "docker compose run"');
  }
  if (!isAbsolute(workingDir) || !isPlainPath(workingDir)) {
    return refuse('its compose working directory is missing or not an absolute path');
  }
  const files = toPaths(configFiles, workingDir);
  if (files === undefined || files.length === 0) {
    return refuse('its compose files are missing or not valid paths');
  }
  const environmentFiles = toPaths(label('project.environment_file'), workingDir);
  if (environmentFiles === undefined) return refuse('its environment file is not a valid path');
  return { target: { project, service, workingDir, files, environmentFiles } };
}

/** True when `path` is `root` or lies below it, compared part by part; both absolute and resolved. */
export function isInside(path: string, root: string): boolean {
  const trimmed = root.replace(/\/+$/, '');
  return path === (trimmed || '/') || path.startsWith(`${trimmed}/`);
}

const projectName = /^[a-z0-9][a-z0-9_-]{0,127}$/;
const serviceName = /^[a-zA-Z0-9._][a-zA-Z0-9._-]{0,254}$/;
const maxFiles = 32;
const maxPathLength = 4096;

function refuse(reason: string): ComposeReading {
  return { reason };
}

/** `undefined` when one of them is not fit to be a path. */
function toPaths(list: string, workingDir: string): string[] | undefined {
  if (list === '') return [];
  const paths = list.split(',');
  if (paths.length > maxFiles || !paths.every(isPlainPath)) return undefined;
  return paths.map((path) => (isAbsolute(path) ? path : `${workingDir}/${path}`));
}

/** `-` is a compose file that came from stdin: it is gone. */
function isPlainPath(path: string): boolean {
  return path !== '' && path !== '-' && path.length <= maxPathLength && !/\p{Cc}/u.test(path);
}

function isAbsolute(path: string): boolean {
  return path.startsWith('/');
}
