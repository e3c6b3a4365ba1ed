// The words of an environment as they are kept with a job on the VM: encrypted, so that no file there has one in clear.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { EnvironmentWords } from '../adapter-ports.ts';

export const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;
/** Of base64, so that it fits into one command line. */
const maxSealed = 80_000;
const maxWordsBytes = 16 * 1024 * 1024;

/** As base64; empty where there are too many words. Bound to the job: of another one it cannot be opened. */
export function sealWords(words: EnvironmentWords, job: string, key: Buffer): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(job));
  const text = cipher.update(gzipSync(JSON.stringify(words)));
  const sealed = Buffer.concat([iv, text, cipher.final(), cipher.getAuthTag()]).toString('base64');
  return sealed.length > maxSealed ? '' : sealed;
}

/** Undefined for what was sealed with another key, for another job, or not at all. */
export function openWords(
  sealed: Buffer | undefined,
  job: string,
  key: Buffer | undefined,
): EnvironmentWords | undefined {
  if (sealed === undefined || key?.length !== keyBytes) return undefined;
  try {
    const bytes = Buffer.from(sealed.toString('latin1'), 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes))
      .setAAD(Buffer.from(job))
      .setAuthTag(bytes.subarray(-tagBytes));
    const text = decipher.update(bytes.subarray(ivBytes, -tagBytes));
    const json = gunzipSync(Buffer.concat([text, decipher.final()]), {
      maxOutputLength: maxWordsBytes,
    });
    return JSON.parse(json.toString('utf8')) as EnvironmentWords; // what `sealWords` wrote, by its tag
  } catch {
    return undefined;
  }
}
