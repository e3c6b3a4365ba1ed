// The files of `deploy/` as the programs judge them that they are for; the image itself is built and run in `slow/image.slow.test.ts`.

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { findTool } from '../real-engine/real-engine-problem.ts';
import { describeWith } from '../slow/describe-or-skip.ts';
import { writeNginxConfiguration } from '../support/deployed-nginx.ts';
import { run, runOk } from '../support/run.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const unit = join(root, 'deploy/ondemand.service');

describeWith(find('systemd-analyze', 'systemd'), 'the systemd unit', ({ path: analyze }) => {
  const judge = (file: string) =>
    run([analyze, 'security', '--offline=true', '--threshold=20', file]);

  test('exposes 2.0 at most, and would be told if it exposed more', async () => {
    expect((await judge(unit)).exitCode).toBe(0);
    const open = (await readFile(unit, 'utf8')).replace(/^SystemCallFilter=.*$/gm, '');
    expect((await judge(await writeUnit(open))).exitCode).not.toBe(0);
  });

  test('is understood, every line of it', async () => {
    const bin = join(root, 'packages/server/bin/ondemand-server.js');
    const text = (await readFile(unit, 'utf8')).replace(
      'ExecStart=ondemand-server ',
      `ExecStart=${bin} `,
    );
    const verify = (path: string) => run([analyze, 'verify', '--man=no', path]);
    expect(await verify(await writeUnit(text))).toMatchObject({ exitCode: 0, stderr: '' });
    const wrong = await writeUnit(text.replace('ProtectHome=yes', 'ProtectHome=perhaps'));
    expect((await verify(wrong)).stderr).toContain('perhaps');
  });

  async function writeUnit(text: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'ondemand-unit-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'ondemand.service');
    await writeFile(file, text);
    return file;
  }
});

describeWith(find('nginx', 'nginx-light'), 'nginx.conf', ({ path }) => {
  test('is understood by nginx', async () => {
    await using nginx = await writeNginxConfiguration({ listen: 8080, server: 5000 });
    const { exitCode, stderr } = await run([path, '-t', ...nginx.args]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stderr).not.toContain('[warn]');
  });
});

describeWith(find('docker-compose', 'docker-compose'), 'compose.yaml', ({ path }) => {
  test('is understood by docker-compose, with its secrets as files and nothing published but nginx', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ondemand-compose-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await cp(join(root, 'deploy/compose.yaml'), join(folder, 'compose.yaml'));
    await writeFile(join(folder, 'ondemand.env'), 'OIDC_ISSUER=https://auth.example.com\n');
    const config = await runOk([path, '--file', join(folder, 'compose.yaml'), 'config'], {
      env: { ...process.env, HOME: folder },
    });
    expect(config).toContain('OIDC_ISSUER: https://auth.example.com');
    expect(config.match(/^ +- .*:\d+\/tcp$/gm)).toEqual(['    - 127.0.0.1:8080:8080/tcp']);
    for (const name of ['ssh-key', 'oci-config', 'oci-key'])
      expect(config).toContain(`file: ${folder}/secrets/${name}`);
  });
});

test('the image is of two stages by a base of its own digest, without root and without a shell', async () => {
  const lines = (await readFile(join(root, 'Dockerfile'), 'utf8')).split('\n');
  const of = (word: string) => lines.filter((line) => line.startsWith(`${word} `));
  expect(of('ARG')).toEqual([
    expect.stringMatching(/^ARG NODE=node:\d+-[a-z]+-slim@sha256:[0-9a-f]{64}$/),
  ]);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Docker's, not ours
  expect(of('FROM')).toEqual(['FROM ${NODE} AS build', 'FROM scratch']);
  expect(of('USER')).toEqual(['USER 65532:65532']);
  expect(of('ENTRYPOINT')).toEqual([expect.stringMatching(/^ENTRYPOINT \[.*ondemand-server/)]);
});

function find(tool: string, debianPackage: string): { readonly path: string } | string {
  const path = findTool(tool);
  return path === undefined
    ? `${tool} is not installed (Debian: apt-get install ${debianPackage})`
    : { path };
}
