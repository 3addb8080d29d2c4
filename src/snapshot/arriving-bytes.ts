// The bytes of a snapshot that come once, chunk by chunk. No more of them is held than somebody has yet to read.
//
//      ┌── keep ───── at ─────────── come ──┬── room for the next chunk ──┐
//      │ held         │ to be read          │                             │
//
//   Who reads may pass over bytes that have yet to come: `at` is beyond the end of what has come then.

import { Buffer } from 'node:buffer';
import { Bytes, NO_BYTES } from '../../resp/bytes.ts';
import { formatBytes, formatCount } from '../../resp/figures.ts';
import { PayloadError } from '../rdb/payload.ts';
import { SnapshotBytes, STARVED } from './snapshot-bytes.ts';

/** Of the memory, which is used again and again. */
const LEAST_BYTES = 256 * 1024;
/** It shrinks where so many times less would do. */
const TOO_MUCH = 4;

export class ArrivingBytes extends SnapshotBytes {
  readonly #name: string;
  readonly #mostHeld: number;
  #memory = NO_BYTES;
  /** How many bytes there are; unknown until the last of them is there. */
  #size = Infinity;
  /** To read on is of no use before so many have come. */
  #needed = 0;

  /**
   * @param name of the snapshot, in messages
   * @param mostHeld bytes that are held for one thing to be read, beside a chunk
   */
  constructor(name: string, mostHeld: number) {
    super(name, 0, true);
    this.#name = name;
    this.#mostHeld = mostHeld;
  }

  override get left(): number {
    return this.#size - this.at;
  }

  /** Whether it is of use to read on. */
  get isReady(): boolean {
    return this.#come >= this.#needed;
  }

  get #come(): number {
    return this.before + this.bytes.length;
  }

  override fail(why: string, at: number = this.at): PayloadError {
    return new PayloadError(`Cannot read ${this.#name}: ${why}, at byte ${at}`, { offset: at });
  }

  /** Takes a copy of what comes next. What was shown before is valid no more. */
  push(chunk: Uint8Array): void {
    const { at } = this;
    const from = Math.min(this.keep, at, this.#come);
    this.sumTo(from);
    const held = this.#come - from;
    const fits = this.bytes.length + chunk.length <= this.#memory.buffer.length;
    const isMoved = !fits && this.#makeRoom(from, held, held + chunk.length);
    const before = isMoved ? from : this.before;
    const end = isMoved ? held : this.bytes.length;
    this.#memory.buffer.set(chunk, end);
    this.lookAt(this.#memory, end + chunk.length, before);
    this.moveTo(at);
  }

  /** Nothing more comes. */
  end(): void {
    this.#size = this.#come;
    this.#needed = 0;
  }

  override get comesOnce(): boolean {
    return true;
  }

  override demandPassed(): void {
    const missing = this.at - this.#come;
    if (missing <= 0) return;
    if (this.#size < Infinity) throw this.endsEarly(missing);
    this.#needed = this.at;
    throw STARVED;
  }

  override demandAll(): void {
    if (this.#size < Infinity) return;
    this.#needed = Infinity;
    throw STARVED;
  }

  override laterValue(): null {
    return null;
  }

  override nameAt(start: number): string {
    const { at } = this;
    if (start < this.before) return '…';
    this.moveTo(start);
    const name = String(this.string());
    this.moveTo(at);
    return name;
  }

  protected override more(length: number): void {
    if (this.#size < Infinity) throw this.endsEarly(length);
    const from = Math.min(this.keep, this.at);
    const needed = this.at + length;
    if (needed - from > this.#mostHeld) {
      throw this.fail(`more than ${formatBytes(this.#mostHeld)} would have to be held at once`, from);
    }
    // What is read in many small parts, is begun anew each time: twice as much before the next one.
    this.#needed = Math.max(needed, Math.min(from + this.#mostHeld, from + 2 * (this.#come - from)));
    throw STARVED;
  }

  protected override pass(length: number): void {
    if (length > this.left) throw this.endsEarly(length);
    if (!Number.isSafeInteger(this.at + length)) throw this.fail(`${formatCount(length)} bytes cannot follow`);
    this.moveTo(this.at + length);
  }

  protected override endsEarly(length: number): PayloadError {
    const left = Math.max(0, this.left);
    const why = `it is cut off, ${formatCount(left)} of ${formatCount(length)} bytes follow`;
    return this.fail(why, Math.min(this.at, this.#come));
  }

  /** Moves what is held to the beginning of the memory, or of another one where this one is too small or far too large. */
  #makeRoom(from: number, held: number, needed: number): true {
    const start = from - this.before;
    const old = this.#memory.buffer;
    // Twice as much: else what is held would be moved with every chunk.
    const wanted = Math.max(LEAST_BYTES, 2 * needed);
    if (wanted > old.length || wanted * TOO_MUCH < old.length) {
      this.#memory = new Bytes(Buffer.allocUnsafeSlow(wanted));
    }
    old.copy(this.#memory.buffer, 0, start, start + held);
    return true;
  }
}
