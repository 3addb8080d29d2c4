// How long a server takes to dump values, learnt from its own replies by type and size, and what follows from that: which
// values go beside others, which alone, and which in pieces. While it is busy with one, no other client of it is served.

import type { MaxLatency } from '../server/transfer-limits.ts';

/** `beside`: with whatever else there is. `alone`: with no other that takes long. `pieces`: not at a time at all. */
export type Manner = 'beside' | 'alone' | 'pieces';

interface Pace {
  msPerByte: number;
  /** Bytes of the largest value that was seen. */
  largest: number;
}

/**
 * Milliseconds a byte of memory, until the server has shown its own: seen were up to 10 a million on a busy machine, for
 * hashes and sets as tables, and for strings, which it tries to compress.
 */
const FIRST_PACE = 10 / 1e6;
/** What was learnt from a value holds for others up to so many times as large. */
const GROWTH = 4;
/** How much of the difference a slower reply counts for: it may have been late for others' reasons. */
const SLOWER = 1 / 4;
/** Shares of the longest wait: of a value in one piece, and of one that need not be alone. What else is read needs the rest. */
const MOST = 1 / 2;
const FEW = 1 / 8;

export class ServiceTimes {
  readonly #maxLatency: MaxLatency;
  readonly #paces = new Map<string, Pace>();

  constructor(maxLatency: MaxLatency) {
    this.#maxLatency = maxLatency;
  }

  /** Bytes of memory below which any value may go beside others, as far as one can know before. */
  get leastAlone(): number {
    return (this.#maxLatency.ms * FEW) / FIRST_PACE;
  }

  /** Those above which some value may have to go in pieces. */
  get leastInPieces(): number {
    return (this.#maxLatency.ms * MOST) / FIRST_PACE;
  }

  /**
   * @param type as TYPE says it; '' where it is not known
   * @param bytes of memory
   */
  mannerOf(type: string, bytes: number): Manner {
    const pace = this.#paces.get(type);
    const isKnown = pace !== undefined && bytes <= pace.largest * GROWTH;
    const msPerByte = isKnown ? pace.msPerByte : Math.max(FIRST_PACE, pace?.msPerByte ?? 0);
    const ms = bytes * msPerByte;
    if (ms > this.#maxLatency.ms * MOST) return 'pieces';
    return ms > this.#maxLatency.ms * FEW ? 'alone' : 'beside';
  }

  /** A value of that type took so long. */
  observe(type: string, bytes: number, ms: number): void {
    const msPerByte = ms / bytes;
    const pace = this.#paces.get(type);
    if (pace === undefined) {
      this.#paces.set(type, { msPerByte, largest: bytes });
      return;
    }
    pace.largest = Math.max(pace.largest, bytes);
    pace.msPerByte = msPerByte < pace.msPerByte ? msPerByte : pace.msPerByte + (msPerByte - pace.msPerByte) * SLOWER;
  }
}
