// Reads server-sent events from text that comes in pieces: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

export interface ServerSentEvent {
  /** `message` where the stream names none. */
  readonly type: string;
  readonly data: string;
  /** Undefined where the stream gives none; empty where it takes the last one back. */
  readonly id: string | undefined;
}

/** Gives the events that the text completes; what it leaves begun waits for the next text, or is lost with the stream. */
export type ReadEvents = (text: string) => Generator<ServerSentEvent, void>;

export interface EventReaderOptions {
  /** Of one event, so that memory is bounded. */
  readonly maxChars: number;
  /** What is thrown for a larger one. */
  readonly onTooLarge: () => Error;
}

export function createEventReader({ maxChars, onTooLarge }: EventReaderOptions): ReadEvents {
  /** The pieces of a line that has not ended; joined once, when it does. */
  let begun: string[] = [];
  let begunChars = 0;
  let endedInCr = false;
  let type = '';
  let id: string | undefined;
  let data: string[] = [];
  let dataChars = 0;

  return function* read(text) {
    // Of a CR LF that was cut in two, the CR has ended the line.
    let start = endedInCr && text.startsWith('\n') ? 1 : 0;
    if (text !== '') endedInCr = text.endsWith('\r');
    const ends = /\r\n?|\n/g;
    ends.lastIndex = start;
    for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
      const rest = text.slice(start, end.index);
      start = ends.lastIndex;
      const event = takeLine(begun.length === 0 ? rest : [...begun, rest].join(''));
      begun = [];
      begunChars = 0;
      if (event !== undefined) yield event;
    }
    if (start === text.length) return;
    begun.push(text.slice(start));
    begunChars += text.length - start;
    requireSpace(begunChars);
  };

  function takeLine(line: string): ServerSentEvent | undefined {
    if (line === '') return takeEvent();
    requireSpace(line.length);
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (field === 'event') type = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'data') {
      data.push(value);
      dataChars += value.length + 1;
    }
    return undefined;
  }

  function takeEvent(): ServerSentEvent | undefined {
    const event =
      data.length === 0 ? undefined : { type: type || 'message', data: data.join('\n'), id };
    type = '';
    id = undefined;
    data = [];
    dataChars = 0;
    return event;
  }

  function requireSpace(lineChars: number): void {
    if (dataChars + lineChars > maxChars) throw onTooLarge();
  }
}
