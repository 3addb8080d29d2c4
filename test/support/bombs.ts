// Strings that are far longer than what is stored of them, as only somebody who means harm compresses them.
import * as build from '../src/rdb/payload-builder.ts';

/** Bytes that the longest copy gives. */
const COPY_BYTES = 264;

/** LZF of `unit`, of 32 bytes at most, again and again: so many longest copies of it. */
export function lzfRun(unit: Buffer, copies: number): Buffer {
  const back = unit.length - 1;
  return Buffer.concat([Buffer.of(back), unit, ...Array<Buffer>(copies).fill(Buffer.of(0xe0, 0xff, back))]);
}

export function runLength(unit: Buffer, copies: number): number {
  return unit.length + copies * COPY_BYTES;
}

/** The same as a string in a payload. */
export function bombString(unit: Buffer, copies: number, length = runLength(unit, copies)): Buffer {
  const compressed = lzfRun(unit, copies);
  return Buffer.concat([Buffer.of(0xc3), build.length(compressed.length, 32), build.length(length, 32), compressed]);
}
