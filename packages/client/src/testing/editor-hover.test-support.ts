// What an editor shows on hover: TypeScript's own language server, asked as an editor asks it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly items?: readonly unknown[] };
  readonly result?: { readonly contents?: { readonly value?: string } } | null;
}

export interface Editor extends AsyncDisposable {
  /** What is shown at the first place of `word` in the file's text, an empty text where nothing is. */
  hover(word: string): Promise<string>;
}

/** Opens a file, whose text is `text`, with the compiler `tsc`. */
export async function openEditor(tsc: string, file: string, text: string): Promise<Editor> {
  const server = spawn(process.execPath, [tsc, '--lsp', '--stdio'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const closed = once(server, 'close');
  const answers = new Map<number, (message: Message) => void>();
  let count = 0;
  let received = Buffer.alloc(0);
  server.stdout.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (let message = take(); message !== undefined; message = take()) handle(message);
  });
  const textDocument = { uri: pathToFileURL(file).href };
  const contentFormat = ['plaintext'];
  await ask('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: { textDocument: { hover: { contentFormat } } },
  });
  send({ method: 'initialized', params: {} });
  const opened = { ...textDocument, languageId: 'typescript', version: 1, text };
  send({ method: 'textDocument/didOpen', params: { textDocument: opened } });

  return {
    async hover(word) {
      const before = text.slice(0, text.indexOf(word)).split('\n');
      const position = { line: before.length - 1, character: before.at(-1)?.length };
      const { result } = await ask('textDocument/hover', { textDocument, position });
      return result?.contents?.value ?? '';
    },
    async [Symbol.asyncDispose]() {
      await ask('shutdown', null);
      send({ method: 'exit' });
      await closed;
    },
  };

  function ask(method: string, params: unknown): Promise<Message> {
    const id = ++count;
    return new Promise((resolve) => {
      answers.set(id, resolve);
      send({ id, method, params });
    });
  }

  function send(message: object): void {
    const content = JSON.stringify({ jsonrpc: '2.0', ...message });
    server.stdin.write(`Content-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`);
  }

  /** One whole message, once it is there. */
  function take(): Message | undefined {
    const end = received.indexOf('\r\n\r\n');
    const [, length] = /Content-Length: (\d+)/i.exec(received.toString('latin1', 0, end)) ?? [];
    const next = end + 4 + Number(length);
    if (end < 0 || length === undefined || received.length < next) return undefined;
    const message: Message = JSON.parse(received.toString('utf8', end + 4, next));
    received = received.subarray(next);
    return message;
  }

  function handle({ id, method, params, ...message }: Message): void {
    if (id === undefined) return;
    if (method === undefined) answers.get(id)?.(message);
    // It asks for its settings, too: there are none.
    else send({ id, result: params?.items?.map(() => null) ?? null });
  }
}
