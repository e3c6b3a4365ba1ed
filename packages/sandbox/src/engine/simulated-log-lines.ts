// What the programs of a small home server write into their logs, so that the logs read and grow like real ones.

import type { LogStream } from './logs/log.ts';

export type Random = () => number;

export interface Line {
  readonly stream: LogStream;
  readonly text: string;
  /** The engine reads stdout and stderr apart: a line can carry a time before that of the line above it. */
  readonly earlierMs?: number;
}

/** One program's talk; every function gives whole lines without their newline. */
export interface Activity {
  /** The gap between two times of talking, while somebody may be watching. */
  readonly everyMs: { readonly min: number; readonly max: number };
  starting(at: Date): readonly Line[];
  next(at: Date): readonly Line[];
  stopping(at: Date): readonly Line[];
}

/** nginx's access lines on stdout, its notices and errors on stderr. */
export function createNginxActivity(random: Random = Math.random): Activity {
  const notice = (at: Date, text: string): Line => err(`${slashed(at)} [notice] 1#1: ${text}`);
  return {
    everyMs: { min: 400, max: 2_500 },
    starting: (at) => [
      out('/docker-entrypoint.sh: Configuration complete; ready for start up'),
      notice(at, 'using the "epoll" event method'),
      notice(at, 'nginx/1.29.1'),
      notice(at, 'start worker processes'),
      notice(at, 'start worker process 29'),
    ],
    next(at) {
      const [method, path, status, size] = pick(requests, random);
      const client = pick(clients, random);
      const agent = pick(agents, random);
      const line = out(
        `${client} - - [${commonLog(at)}] "${method} ${path} HTTP/1.1" ${status} ${size} "-" "${agent}" "-"`,
      );
      if (status !== 404) return [line];
      const file = decodeURI(path);
      const complaint = `${slashed(at)} [error] 29#29: *${100 + Math.floor(random() * 900)} open() "/usr/share/nginx/html${file}" failed (2: No such file or directory), client: ${client}, server: localhost, request: "${method} ${path} HTTP/1.1", host: "home.example"`;
      return [line, { ...err(complaint), earlierMs: random() * 3 }];
    },
    stopping: (at) => [
      notice(at, 'signal 3 (SIGQUIT) received, shutting down'),
      notice(at, 'exit'),
    ],
  };
}

/** PostgreSQL's log, all of it on stderr. */
export function createPostgresActivity(random: Random = Math.random): Activity {
  const log = (at: Date, text: string): Line => err(`${spaced(at)} UTC [1] LOG:  ${text}`);
  return {
    everyMs: { min: 8_000, max: 20_000 },
    starting: (at) => [
      log(at, 'starting PostgreSQL 17.6 on x86_64-pc-linux-musl'),
      log(at, 'listening on IPv4 address "0.0.0.0", port 5432'),
      log(at, 'database system is ready to accept connections'),
    ],
    next: (at) => [
      log(at, `checkpoint complete: wrote ${Math.floor(random() * 90)} buffers (0.1%)`),
    ],
    stopping: (at) => [
      log(at, 'received fast shutdown request'),
      log(at, 'database system is shut down'),
    ],
  };
}

/** An application with mixed streams and text beyond ASCII. */
export function createAppActivity(name: string, random: Random = Math.random): Activity {
  const phrases = ['Anmeldung von Jürgen ✓', 'データを同期しました', 'café.jpg uploaded 📷', 'ok'];
  return {
    everyMs: { min: 2_000, max: 6_000 },
    starting: (at) => [out(`[${spaced(at)}][${name}][INFO] Listening on http://0.0.0.0:80`)],
    next(at) {
      const text = pick(phrases, random);
      return random() < 0.2
        ? [err(`[${spaced(at)}][${name}][WARN] slow answer: ${text}`)]
        : [out(`[${spaced(at)}][${name}][INFO] ${text}`)];
    },
    stopping: (at) => [out(`[${spaced(at)}][${name}][INFO] Shutting down`)],
  };
}

/** A program in a terminal: one stream, lines that end in CR LF, colours. */
export function createTerminalActivity(): Activity {
  return {
    everyMs: { min: 1_000, max: 1_000 },
    starting: () => [out('\u001b[1mwatch\u001b[0m: every 1 s\r')],
    next: (at) => [out(`\u001b[32m${at.toISOString()}\u001b[0m load average: 0.08 0.03 0.01\r`)],
    stopping: () => [],
  };
}

/** A program that gives up at once. */
export function createCrashActivity(): Activity {
  return {
    everyMs: { min: 60_000, max: 60_000 },
    starting: () => [
      out('mail-relay 3.2 starting'),
      err('panic: RELAY_HOST is not set, nowhere to deliver to'),
    ],
    next: () => [],
    stopping: () => [],
  };
}

const requests: readonly (readonly [string, string, number, number])[] = [
  ['GET', '/', 200, 615],
  ['GET', '/', 304, 0],
  ['GET', '/style.css', 200, 2_214],
  ['GET', '/photos/caf%C3%A9.jpg', 404, 153],
  ['GET', '/favicon.ico', 404, 153],
  ['POST', '/api/login', 401, 27],
  ['GET', '/api/items?page=2', 200, 8_431],
  ['HEAD', '/', 200, 0],
];
const clients = ['192.0.2.17', '198.51.100.4', '203.0.113.88', '2001:db8::5'];
const agents = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'curl/8.14.1',
  'Uptime-Kuma/1.23.16',
];

function out(text: string): Line {
  return { stream: 'stdout', text };
}

function err(text: string): Line {
  return { stream: 'stderr', text };
}

function pick<T>(choices: readonly [T, ...T[]] | readonly T[], random: Random): T {
  // The index is within bounds as long as there is a choice at all, and every list above has some.
  return choices[Math.floor(random() * choices.length)] as T;
}

function spaced(at: Date): string {
  return at.toISOString().slice(0, 23).replace('T', ' ');
}

function slashed(at: Date): string {
  return at.toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ');
}

function commonLog(at: Date): string {
  const [, , month] = at.toUTCString().split(' ');
  const iso = at.toISOString();
  return `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}
