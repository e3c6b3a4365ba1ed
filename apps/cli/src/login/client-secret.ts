// Reads a client's secret from where its owner keeps it, so that it need not be on a command line.

import { readFile } from 'node:fs/promises';
import { type CliError, usageError } from '../cli-error.ts';

/** Without the line break at its end. Throws a usage error. */
export async function readSecretFile(path: string): Promise<string> {
  try {
    return toSecret(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    throw unreadable(path, String(error.code));
  }
}

/** The same from standard input, to its end. */
export async function readSecretStream(
  stdin: NodeJS.ReadStream,
  signal: AbortSignal,
): Promise<string> {
  if (stdin.isTTY === true) {
    throw usageError('--client-secret-file - reads standard input; pipe the secret into it');
  }
  const chunks: Buffer[] = [];
  const stop = (): void => {
    stdin.destroy(signal.reason);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  } finally {
    signal.removeEventListener('abort', stop);
  }
  return toSecret(Buffer.concat(chunks).toString('utf8'), 'Standard input');
}

function toSecret(text: string, where: string): string {
  const secret = text.replace(/\r?\n$/, '');
  if (secret !== '' && !/[\r\n\0]/.test(secret)) return secret;
  throw usageError(`${where} holds no client secret; it has to be one line`);
}

function unreadable(path: string, code: string): CliError {
  return usageError(`The client secret cannot be read from ${path} (${code})`);
}
