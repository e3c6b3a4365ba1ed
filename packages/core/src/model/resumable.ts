// What followed things give: items, and a place to go on from for who lost the connection before the first of them came.

export interface Resumable<Item> extends AsyncIterable<Item> {
  /** Everything before the first item; `undefined` where beginning anew loses nothing. */
  readonly position?: string | undefined;
}
