// `--build`: goes through a Dockerfile as BuildKit or the old builder would, prints the same, and leaves an image behind.

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandIo } from '../commands/command-io.ts';
import { CommandFailure } from '../commands/failure.ts';
import { hashCopied, type Instruction, parseDockerfile, toRunSteps } from './dockerfile.ts';
import { digest, type Image, type Images, toImage } from './images.ts';
import type { Build } from './service.ts';

export interface BuildOptions {
  readonly service: string;
  readonly build: Build;
  /** What the image is called afterwards. */
  readonly tag: string;
  readonly images: Images;
  readonly io: CommandIo;
  /** v1 prints as the old builder, v2 as BuildKit without a terminal. */
  readonly style: 'v1' | 'v2';
  /** Scales all pretended work; 0 for images that were built long ago. */
  readonly stepMs: number;
}

/** Throws `CommandFailure` where the build fails: a missing Dockerfile or source, a RUN that exits with another code than 0. */
export async function buildImage(options: BuildOptions): Promise<Image> {
  const { build, images, tag } = options;
  const text = await readFile(build.dockerfile, 'utf8').catch(() => {
    const name = build.dockerfile.split('/').at(-1);
    throw new CommandFailure(
      `failed to solve: failed to read dockerfile: open ${name}: no such file or directory`,
      17,
    );
  });
  const instructions = parseDockerfile(text);
  const printer = options.style === 'v2' ? createBuildkit(options) : createOldBuilder(options);
  await printer.begin(instructions.length, text.length);
  let layer = digest('scratch');
  let base = images.pull('scratch');
  for (const [index, instruction] of instructions.entries()) {
    const { name, rest } = instruction;
    if (name === 'FROM') base = images.pull(rest.split(/\s+/)[0] ?? 'scratch');
    const content = name === 'COPY' || name === 'ADD' ? await hashCopied(rest, build.context) : '';
    const args = name === 'RUN' ? JSON.stringify(build.args) : '';
    layer = digest(name === 'FROM' ? base.id : layer, name, rest, content, args);
    const failing = name === 'RUN' && toRunSteps(rest).some(isFailure);
    const cached = !failing && images.cache(layer);
    await printer.step({ instruction, index, layer, cached });
  }
  const image = toImage(base, afterLastFrom(instructions), layer);
  images.tag(tag, image);
  printer.end(image.id);
  return image;
}

interface Step {
  readonly instruction: Instruction;
  readonly index: number;
  readonly layer: string;
  readonly cached: boolean;
}

interface Printer {
  begin(steps: number, dockerfileBytes: number): Promise<void>;
  step(step: Step): Promise<void>;
  end(imageId: string): void;
}

/** Prints the steps that make a layer of files, numbered, with times, as `--progress plain` does. */
function createBuildkit({ service, tag, io, stepMs }: BuildOptions): Printer {
  let number = 0;
  let layers = 0;
  const vertex = async (title: string, details: readonly string[]): Promise<void> => {
    number += 1;
    const started = Date.now();
    io.stdout(`#${number} [${title}\n`);
    await work(stepMs, io.signal);
    for (const detail of details) io.stdout(`#${number} ${detail}\n`);
    io.stdout(`#${number} DONE ${elapsed(started)}s\n\n`);
  };
  return {
    async begin(_, bytes) {
      await vertex(`${service} internal] load build definition from Dockerfile`, [
        `transferring dockerfile: ${bytes}B done`,
      ]);
      await vertex(`${service} internal] load .dockerignore`, ['transferring context: 2B done']);
    },
    async step({ instruction, layer, cached }) {
      const { name, rest } = instruction;
      if (!['FROM', 'RUN', 'COPY', 'ADD', 'WORKDIR'].includes(name)) return;
      layers += 1;
      number += 1;
      const title = `[${service} ${layers}] ${name} ${rest}`;
      const started = Date.now();
      io.stdout(`#${number} ${title}\n`);
      if (cached) {
        io.stdout(`#${number} CACHED\n\n`);
        return;
      }
      await work(stepMs, io.signal);
      if (name === 'RUN') {
        const exitCode = await run(rest, io, (text) =>
          io.stdout(`#${number} ${elapsed(started, 3)} ${text}\n`),
        );
        if (exitCode !== 0) {
          const reason = `process "/bin/sh -c ${rest}" did not complete successfully: exit code: ${exitCode}`;
          io.stdout(`#${number} ERROR: ${reason}\n`);
          io.stderr(`------\n > ${title}:\n------\n`);
          throw new CommandFailure(`failed to solve: ${reason}`, 17);
        }
      }
      if (name === 'FROM')
        io.stdout(`#${number} resolve ${rest}@sha256:${layer.slice(0, 12)} done\n`);
      io.stdout(`#${number} DONE ${elapsed(started)}s\n\n`);
    },
    end(imageId) {
      number += 1;
      io.stdout(`#${number} [${service}] exporting to image\n`);
      io.stdout(`#${number} writing image ${imageId} done\n`);
      io.stdout(`#${number} naming to docker.io/library/${tag} done\n`);
      io.stdout(`#${number} DONE 0.0s\n\n`);
    },
  };
}

function createOldBuilder({ service, tag, io, stepMs }: BuildOptions): Printer {
  let steps = 0;
  return {
    async begin(count) {
      steps = count;
      io.stderr(`Building ${service}\n`);
      io.stdout('Sending build context to Docker daemon  4.608kB\n');
      await work(stepMs, io.signal);
    },
    async step({ instruction, index, layer, cached }) {
      const { name, rest } = instruction;
      io.stdout(`Step ${index + 1}/${steps} : ${name} ${rest}\n`);
      const made = ` ---> ${layer.slice(0, 12)}\n`;
      if (name === 'FROM') return void io.stdout(made);
      if (cached) return void io.stdout(` ---> Using cache\n${made}`);
      await work(stepMs, io.signal);
      if (name === 'RUN') {
        const container = layer.slice(12, 24);
        io.stdout(` ---> Running in ${container}\n`);
        const exitCode = await run(rest, io, (text) => io.stdout(`${text}\n`));
        if (exitCode !== 0) {
          io.stderr(`The command '/bin/sh -c ${rest}' returned a non-zero code: ${exitCode}\n`);
          throw new CommandFailure(`Service '${service}' failed to build : Build failed`);
        }
        io.stdout(`Removing intermediate container ${container}\n`);
      }
      io.stdout(made);
    },
    end(imageId) {
      io.stdout(`Successfully built ${imageId.slice(7, 19)}\nSuccessfully tagged ${tag}:latest\n`);
    },
  };
}

async function run(command: string, io: CommandIo, print: (text: string) => void): Promise<number> {
  for (const step of toRunSteps(command)) {
    if (step.kind === 'exit') return step.exitCode;
    if (step.kind === 'print') print(step.text);
    else await work(step.ms, io.signal);
  }
  return 0;
}

function isFailure(step: ReturnType<typeof toRunSteps>[number]): boolean {
  return step.kind === 'exit' && step.exitCode !== 0;
}

function afterLastFrom(instructions: readonly Instruction[]): readonly Instruction[] {
  return instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
}

function elapsed(started: number, digits = 1): string {
  return ((Date.now() - started) / 1_000).toFixed(digits);
}

/** Takes its time, and ends with the command that waits for it. */
async function work(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (ms > 0) await sleep(ms, undefined, { signal, ref: false });
}
