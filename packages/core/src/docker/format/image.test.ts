// IMAGE against what `docker ps` prints.

import { expect, test } from 'vitest';
import { formatImage } from './image.ts';

const id = `sha256:${'0123456789abcdef'.repeat(4)}`;
const otherId = `sha256:${'f'.repeat(64)}`;
const digest = `@sha256:${'a'.repeat(64)}`;

test.each([
  ['', id, '<no image>'],
  ['nginx', otherId, 'nginx'],
  ['nginx:1.27', otherId, 'nginx:1.27'],
  [id, id, '0123456789ab'],
  ['0123456789ab', id, '0123456789ab'],
  [id, '', id],
  [`nginx${digest}`, otherId, 'nginx'],
  [`nginx:1.27${digest}`, otherId, 'nginx:1.27'],
  [`ghcr.io/acme/web:2${digest}`, otherId, 'ghcr.io/acme/web:2'],
  ['docker.io/library/nginx:1', otherId, 'nginx:1'],
  ['library/nginx:1', otherId, 'nginx:1'],
  ['index.docker.io/acme/web', otherId, 'acme/web'],
  ['docker.io/library/deep/web', otherId, 'library/deep/web'],
  ['localhost:5000/team/box', otherId, 'localhost:5000/team/box'],
  ['localhost/box:1', otherId, 'localhost/box:1'],
  ['Not A Reference', otherId, 'Not A Reference'],
  ['UPPER/case:1', otherId, 'UPPER/case:1'],
  ['acme//web', otherId, 'acme//web'],
  ['f'.repeat(64), id, 'f'.repeat(64)],
  ['nginx:', otherId, 'nginx:'],
])('formatImage() prints %j as docker ps does', (image, imageId, printed) => {
  expect(formatImage(image, imageId)).toBe(printed);
});
