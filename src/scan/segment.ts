// A part of the keyspace that one cursor walks: from the place where it starts to the page that passes its end.

import { cursorAt, CursorLoop, END, positionOf, type CursorLoopState } from './cursor.ts';

/** What is needed to go on with it; plain, so that it can be kept as JSON. */
export interface SegmentState {
  /** To be asked for next; `null` when the segment is over. */
  readonly cursor: string | null;
  readonly loop: CursorLoopState;
  /** Names of its first page, as `Segment.firstPage`. */
  readonly firstPage: readonly string[] | null;
}

export interface Segment {
  /** To be asked for next; `undefined` when the segment is over. */
  cursor: string | undefined;
  asked: boolean;
  position: bigint;
  readonly end: bigint;
  readonly loop: CursorLoop;
  /** Its keys, from when it has come until the segment before has run into it: there are none then. */
  firstPage: readonly string[] | undefined;
}

/** So many segments of one length, each with its cursor at its start. */
export function segmentsOf(count: number): Segment[] {
  return Array.from({ length: count }, (_, i) => {
    const start = startOf(i, count);
    const end = startOf(i + 1, count);
    return {
      cursor: cursorAt(start),
      asked: false,
      position: start,
      end,
      loop: new CursorLoop(),
      firstPage: undefined,
    };
  });
}

export function stateOf({ cursor, loop, firstPage }: Segment): SegmentState {
  return { cursor: cursor ?? null, loop: loop.state, firstPage: firstPage ?? null };
}

/** The segments that these are the states of, each as if nothing had been asked that has not come. */
export function restored(states: readonly SegmentState[]): Segment[] {
  return states.map(({ cursor, loop, firstPage }, i) => {
    const end = startOf(i + 1, states.length);
    return {
      cursor: cursor ?? undefined,
      asked: false,
      // Where nothing proves that cursors are places, nobody asks for this.
      position: cursor === null ? end : (positionOf(cursor) ?? end),
      end,
      loop: new CursorLoop(loop),
      firstPage: firstPage ?? undefined,
    };
  });
}

function startOf(segment: number, count: number): bigint {
  return (END / BigInt(count)) * BigInt(segment);
}
