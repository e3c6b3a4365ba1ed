// A stream of items that can be resumed, even when the connection is lost before the first item.

export interface Resumable<Item> extends AsyncIterable<Item> {
  /** The resume position before the first item; `undefined` when starting over loses nothing. */
  readonly position?: string | undefined;
}
