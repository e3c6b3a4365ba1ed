// As much of tar-fs as cp uses; it brings no types of its own.

declare module 'tar-fs' {
  interface Header {
    name: string;
    type?: string;
    linkname?: string | null;
    uid?: number;
    gid?: number;
  }
  interface Options {
    map?(header: Header): Header;
    umask?: number;
    strict?: boolean;
  }
  export function pack(
    folder: string,
    options: Options & { entries?: string[] },
  ): NodeJS.ReadableStream;
  export function extract(
    folder: string,
    options: Options & { chown?: boolean; validateSymlinks?: boolean },
  ): NodeJS.WritableStream;
}
