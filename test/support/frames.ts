// RESP2 frames, written for the tests alone, so that a fault of rump's own encoder cannot hide itself.

import { crc64 } from './crc64.ts';

export type Argument = string | number | Buffer;

const CRLF = '\r\n';

export function simple(text: string): Buffer {
  return Buffer.from(`+${text}${CRLF}`);
}

export function error(text: string): Buffer {
  return Buffer.from(`-${text}${CRLF}`);
}

export function integer(value: number | bigint): Buffer {
  return Buffer.from(`:${value}${CRLF}`);
}

export function bulk(value: Argument): Buffer {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value));
  return Buffer.concat([Buffer.from(`$${bytes.length}${CRLF}`), bytes, Buffer.from(CRLF)]);
}

export const nil: Buffer = Buffer.from(`$-1${CRLF}`);

export const nilArray: Buffer = Buffer.from(`*-1${CRLF}`);

export function array(...items: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`*${items.length}${CRLF}`), ...items]);
}

export function command(...args: Argument[]): Buffer {
  const pieces: Buffer[] = [];
  // Tests send hundreds of thousands of these: text grows as one string, and only Buffers are pieces of their own.
  let text = `*${args.length}${CRLF}`;
  for (const arg of args) {
    if (Buffer.isBuffer(arg)) {
      pieces.push(Buffer.from(`${text}$${arg.length}${CRLF}`), arg);
      text = CRLF;
    } else {
      const word = String(arg);
      text += `$${Buffer.byteLength(word)}${CRLF}${word}${CRLF}`;
    }
  }
  pieces.push(Buffer.from(text));
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

/** A stream as rump writes it, of frames that are whole: its ends say how many keys and which bytes are in between. */
export function streamOf(frames: Buffer, keys: number): Buffer {
  const checksum = crc64(frames).toString(16).padStart(16, '0');
  return Buffer.concat([command('PING', 'rump:begin:1'), frames, command('PING', `rump:end:${keys}:${checksum}`)]);
}

/** Cuts at the given positions; positions need not be sorted, and those outside of the bytes cut nothing. */
export function splitAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const inside = [...new Set(cuts)].filter((cut) => cut > 0 && cut < bytes.length).toSorted((a, b) => a - b);
  return [0, ...inside].map((start, index) => bytes.subarray(start, inside[index]));
}

export function byteByByte(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
}

/** Pieces of random lengths, most of them short; the same seed gives the same pieces. */
export function randomSplits(bytes: Buffer, seed: number): Buffer[] {
  const random = mulberry32(seed);
  const cuts: number[] = [];
  for (let cut = 0; cut < bytes.length;) {
    cut += 1 + Math.floor(random() ** 3 * 64);
    cuts.push(cut);
  }
  return splitAt(bytes, cuts);
}

/** Tommy Ettinger's generator: 32 bits of state, numbers from 0 to below 1. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
