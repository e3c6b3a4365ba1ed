// A container's compose labels as what to rebuild, or why it cannot be; labels are untrusted, an image can bake them in.

import { isOneOff } from '../../model/compose-service.ts';
import { type ComposeSource, isAbsolute, listComposeSources } from './project-locations.ts';

/** What a container's labels say of its project. */
export interface ComposeTarget {
  readonly project: string;
  readonly service: string;
  /** Absolute and normal, its links not followed. */
  readonly workingDir: string;
  /** Where its files may lie, at least one, the likeliest first. */
  readonly sources: readonly ComposeSource[];
  /** The major version of the compose that made it; v1 and v2 each recreate what the other has made. */
  readonly madeBy: 'v1' | 'v2' | undefined;
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
  const environmentFiles = label('project.environment_file');

  if (project === '' && service === '') return refuse('it was not made by Docker Compose');
  if (!projectName.test(project)) return refuse('its compose project has no valid name');
  if (!serviceName.test(service)) return refuse('its compose service has no valid name');
  if (isOneOff(labels)) {
    return refuse('it is a one-off container of "docker compose run"');
  }
  if (!isAbsolute(workingDir) || !isPlainPath(workingDir)) {
    return refuse('its compose working directory is missing or not an absolute path');
  }
  if (configFiles === '' || !isPathList(configFiles)) {
    return refuse('its compose files are missing or not valid paths');
  }
  if (environmentFiles !== '' && !isPathList(environmentFiles)) {
    return refuse('its environment file is not a valid path');
  }
  const folder = toNormal(workingDir);
  const sources = listComposeSources({ workingDir: folder, configFiles, environmentFiles });
  return {
    target: { project, service, workingDir: folder, sources, madeBy: toMajor(label('version')) },
  };
}

/** True when `path` is `root` or is below it, compared part by part; both absolute and resolved. */
export function isInside(path: string, root: string): boolean {
  const trimmed = root.replace(/\/+$/, '');
  return path === (trimmed || '/') || path.startsWith(`${trimmed}/`);
}

/** v1 takes a leading underscore, too. A leading dash would be an option. */
const projectName = /^[a-z0-9_][a-z0-9_-]{0,127}$/;
const serviceName = /^[a-zA-Z0-9._][a-zA-Z0-9._-]{0,254}$/;
const maxFiles = 32;
const maxPathLength = 4096;

function refuse(reason: string): ComposeReading {
  return { reason };
}

function isPathList(list: string): boolean {
  const paths = list.split(',');
  return paths.length <= maxFiles && list.length <= maxPathLength && paths.every(isPlainPath);
}

/** `-` is a compose file that came from stdin: it is gone. */
function isPlainPath(path: string): boolean {
  return path !== '' && path !== '-' && path.length <= maxPathLength && !/\p{Cc}/u.test(path);
}

/** As compose makes it of what it is given; an honest label is so already. */
function toNormal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function toMajor(version: string): ComposeTarget['madeBy'] {
  if (/^v?1\./.test(version)) return 'v1';
  return /^v?[2-9]\d*\./.test(version) ? 'v2' : undefined;
}
